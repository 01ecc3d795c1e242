import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../base/atomic-file.ts';
import { isClockSynchronized } from './clock-sync.ts';
import { lastRejectedAhead, type WrongTime } from './second-decision.ts';

/** Readings that are further ahead of the clock than this say that one of the two is wrong. */
export const AHEAD_S = 60;
/** So many readings, at least, tell whether it is the clock. */
const LEAST_READINGS = 20;
/** So many that agree with it tell that a clock which was suspected is right. */
const LEAST_AGREEING = 5;
/** Readings that are further behind are of days past, or the clock is ahead. */
const BEHIND_MS = 86_400_000;
/** Buffers that devices send at last are through by then: where most readings are behind for so long, it may be the clock. */
const BEHIND_FOR_MS = 3_600_000;
/** Between two looks the clock may drift from the time that has passed by this much; by more, it was set. */
const JUMP_MS = 30_000;
const FILE = 'clock_wrong.json';

/** How this machine's clock is, as far as can be told. */
export interface ClockState {
  /** What seems wrong with it, for a person; undefined: nothing. */
  suspicion: string | undefined;
  /** Whether a time server keeps it right; undefined: the system does not tell. */
  isSynchronized: boolean | undefined;
  /** The share of the last readings that are more than a minute ahead of it. */
  aheadShare: number;
}

/**
 * Compares this machine's clock with the readings. One sensor that is ahead is wrong itself; where most of them are, the
 * clock is behind: of a machine without a battery, before it knows the time. What was rejected for its time meanwhile is
 * decided again when the clock is right: so that time is kept in the data folder.
 */
export class ClockWatch {
  readonly #dataDir: string;
  readonly #file: string;
  readonly #now: () => number;
  readonly #passed: () => number;
  readonly #askSystem: typeof isClockSynchronized;
  #readings = 0;
  #ahead = 0;
  /** When the first of the readings that were ahead came. */
  #aheadSince: number | undefined;
  #behind = 0;
  /** By how much the last reading that was behind was behind, in ms. */
  #behindMs = 0;
  /** Since when most readings are behind, in ms that have passed. */
  #behindSince: number | undefined;
  /** Of the last readings that told something; undefined: none have since the start, or since the clock was set. */
  #share: number | undefined;
  #isSynchronized: boolean | undefined;
  #wrong: WrongTime | undefined;
  /** What is being written to the disk. */
  #saving: Promise<void> = Promise.resolve();
  /** The disk does not have what is known of the wrong time. */
  #isUnsaved = false;
  /** Nothing has told yet how the clock is, and most of the few readings were ahead: the disk says so, and nobody else. */
  #isDoubtful = false;
  #offset: number;

  /**
   * @param now the clock, in ms since 1970. @param passed ms that have passed since some moment.
   * @param askSystem whether the system keeps the clock right.
   */
  constructor(
    dataDir: string,
    now = Date.now,
    passed = () => performance.now(),
    askSystem = isClockSynchronized,
  ) {
    this.#askSystem = askSystem;
    this.#dataDir = dataDir;
    this.#file = join(dataDir, FILE);
    this.#now = now;
    this.#passed = passed;
    this.#offset = now() - passed();
  }

  /**
   * Takes from the data folder whether the clock seemed wrong when the last collector ended. To be called before anything is
   * recorded: what that collector rejected after it had last written down until when still belongs to its wrong time.
   */
  async start(): Promise<void> {
    this.#wrong = await this.#before();
    this.#isUnsaved = this.#wrong !== undefined;
    this.#isSynchronized = await this.#askSystem(this.#now());
  }

  async #before(): Promise<WrongTime | undefined> {
    let wrong: WrongTime;
    try {
      wrong = JSON.parse(await readFile(this.#file, 'utf8')) as WrongTime;
    } catch {
      return undefined;
    }
    const until = await lastRejectedAhead(this.#dataDir, wrong).catch(() => wrong.until);
    return { ...wrong, until };
  }

  /** Takes in a reading. Called for every message. @param second of the reading. @param clock ms since 1970, about now. */
  note(second: number, clock: number): void {
    this.#readings++;
    if (second * 1000 <= clock + AHEAD_S * 1000) {
      if (second * 1000 >= clock - BEHIND_MS) return;
      this.#behind++;
      this.#behindMs = clock - second * 1000;
      return;
    }
    this.#ahead++;
    this.#aheadSince ??= clock;
    if (this.#wrong !== undefined || this.#ahead <= this.#readings / 2) return;
    if (this.#readings >= LEAST_READINGS) this.#suspect(this.#aheadSince, clock);
    else if (this.#share === undefined && !this.#isDoubtful) this.#doubt(this.#aheadSince, clock);
  }

  /** Takes in a message that was rejected as it is more than a day ahead of the clock. */
  noteRejected(clock: number): void {
    this.note(Number.POSITIVE_INFINITY, clock);
  }

  /** Writes down what the disk does not have yet. @throws errors of the disk. */
  async stop(): Promise<void> {
    await this.#saving;
    if (this.#wrong === undefined || !this.#isUnsaved) return;
    await this.#save(this.#wrong);
  }

  /** What is wrong with the clock, for a person; undefined where nothing seems so. */
  get suspicion(): string | undefined {
    if (this.#wrong === undefined) return this.#seemsAhead;
    const { since, until } = this.#wrong;
    const today = isoOf(this.#now());
    if (this.#share === undefined)
      return (
        `the clock of this machine seemed wrong: behind the readings from ${isoOf(since)} to ${isoOf(until)}, by its own ` +
        `time; now it says ${today}. Set it (NTP) if that is wrong. This ends when ${LEAST_AGREEING} readings agree with it: ` +
        'what was rejected for its time is decided again then'
      );
    const share = Math.round(this.#share * 100);
    return (
      `the clock of this machine seems wrong: behind, since ${isoOf(since)} by its own time, and now it says ${today}; ` +
      `${share} % of the last readings are more than ${AHEAD_S} s ahead of it. ` +
      'Set it (NTP): readings from more than a day ahead are rejected until then, and decided again afterwards'
    );
  }

  get #seemsAhead(): string | undefined {
    if (this.#behindSince === undefined) return undefined;
    const lasts = this.#passed() - this.#behindSince;
    if (lasts < BEHIND_FOR_MS) return undefined;
    return (
      `the clock of this machine seems wrong: since ${isoOf(this.#now() - lasts)} by its own time, for an hour or more, ` +
      `most readings have been more than a day behind it, the last of them ${Math.floor(this.#behindMs / BEHIND_MS)} days. ` +
      'Set it (NTP), or let the sensors send what they have kept; nothing is removed as too old until then'
    );
  }

  /** That no time server keeps the clock right, for a person; undefined where one does, or the system does not tell. */
  get unsynchronized(): string | undefined {
    if (this.#isSynchronized !== false) return undefined;
    return (
      'no time server has set the clock of this machine for a day (systemd-timesyncd): see `timedatectl timesync-status`. ' +
      'A clock that runs by itself drifts by seconds a day, and is wrong after a start without a battery'
    );
  }

  get state(): ClockState {
    return {
      suspicion: this.suspicion,
      isSynchronized: this.#isSynchronized,
      aheadShare: this.#share ?? 0,
    };
  }

  /**
   * Looks at what came since the last time. To be called every few seconds.
   * @returns by how many ms the clock was set meanwhile, and the time in which it was wrong, where that has just ended.
   */
  async look(): Promise<{ jumped?: number; ended?: WrongTime }> {
    const now = this.#now();
    this.#isSynchronized = await this.#askSystem(now);
    const offset = now - this.#passed();
    const jumped = offset - this.#offset;
    this.#offset = offset;
    const hasJumped = Math.abs(jumped) > JUMP_MS;
    // What came by the clock as it was says nothing of the clock as it is.
    if (hasJumped) {
      if (this.#isDoubtful && this.#ahead > this.#readings / 2)
        this.#wrong ??= { since: this.#aheadSince!, until: now - jumped };
      this.#forget();
      this.#behindSince = undefined;
      this.#share = undefined;
      if (this.#wrong !== undefined) this.#extend(now - jumped);
    }
    const isTold = this.#readings >= LEAST_READINGS || (this.suspicion !== undefined && this.#agrees);
    const ended = isTold ? await this.#decide(now) : undefined;
    return { ...(hasJumped && { jumped }), ...(ended && { ended }) };
  }

  /** What was decided again need not be any more, unless the clock is wrong anew. */
  async settled(): Promise<void> {
    await this.#saving;
    if (this.#wrong === undefined) await rm(this.#file, { force: true });
  }

  async #decide(now: number): Promise<WrongTime | undefined> {
    this.#share = this.#ahead / this.#readings;
    if (this.#behind <= this.#readings / 2) this.#behindSince = undefined;
    else this.#behindSince ??= this.#passed();
    const since = this.#aheadSince;
    this.#forget();
    if (this.#share > 0.5) {
      if (this.#wrong === undefined) this.#suspect(since ?? now, now);
      else this.#extend(now);
      await this.stop();
      return undefined;
    }
    const ended = this.#wrong;
    this.#wrong = undefined;
    if (this.#isDoubtful && ended === undefined) await this.settled();
    this.#isDoubtful = false;
    return ended;
  }

  /** Whether enough readings, and most, are within a day behind and a minute ahead of the clock. */
  get #agrees(): boolean {
    const agreeing = this.#readings - this.#ahead - this.#behind;
    return agreeing >= LEAST_AGREEING && agreeing > this.#readings / 2;
  }

  /** Writes it down at once: the process may be killed before the next look. What fails is tried again at that. */
  #suspect(since: number, until: number): void {
    this.#wrong = { since, until };
    this.#share = this.#ahead / this.#readings;
    this.#isUnsaved = true;
    this.#saving = this.#save(this.#wrong).catch(() => undefined);
  }

  /**
   * Writes it down for the next start, which may come before enough readings do: a sensor that is ahead itself is doubted with
   * the clock for as long.
   */
  #doubt(since: number, until: number): void {
    this.#isDoubtful = true;
    this.#saving = this.#save({ since, until }).catch(() => undefined);
  }

  #extend(until: number): void {
    this.#wrong = { since: this.#wrong!.since, until: Math.max(this.#wrong!.until, until) };
    this.#isUnsaved = true;
  }

  async #save(wrong: WrongTime): Promise<void> {
    await writeAtomically(this.#file, `${JSON.stringify(wrong)}\n`);
    if (this.#wrong === wrong) this.#isUnsaved = false;
  }

  #forget(): void {
    this.#readings = 0;
    this.#ahead = 0;
    this.#behind = 0;
    this.#aheadSince = undefined;
  }
}

/** ms since 1970, for a person. */
function isoOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
