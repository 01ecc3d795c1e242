import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../base/atomic-file.ts';
import { isClockSynchronized } from './clock-sync.ts';

/** Readings that are further ahead of the clock than this say that one of the two is wrong. */
export const AHEAD_S = 60;
/** So many readings, at least, tell whether it is the clock. */
const LEAST_READINGS = 20;
/** Readings that are further behind are of days past, or the clock is ahead. */
const BEHIND_MS = 86_400_000;
/** Buffers that devices send at last are through by then: where most readings are behind for so long, it may be the clock. */
const BEHIND_FOR_MS = 3_600_000;
/** Between two looks the clock may drift from the time that has passed by this much; by more, it was set. */
const JUMP_MS = 30_000;
const FILE = 'clock_wrong.json';

/** While the clock seemed wrong: from when to when, by that clock, in ms since 1970. */
export interface WrongTime {
  since: number;
  until: number;
}

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
  readonly #file: string;
  readonly #now: () => number;
  readonly #passed: () => number;
  readonly #askSystem: typeof isClockSynchronized;
  #readings = 0;
  #ahead = 0;
  /** When the first of the readings that were ahead came. */
  #aheadSince: number | undefined;
  #behind = 0;
  /** Since when most readings are behind, in ms that have passed. */
  #behindSince: number | undefined;
  #share = 0;
  #isSynchronized: boolean | undefined;
  #wrong: WrongTime | undefined;
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
    this.#file = join(dataDir, FILE);
    this.#now = now;
    this.#passed = passed;
    this.#offset = now() - passed();
  }

  /** Takes from the data folder whether the clock seemed wrong when the last collector ended. */
  async start(): Promise<void> {
    try {
      this.#wrong = JSON.parse(await readFile(this.#file, 'utf8')) as WrongTime;
    } catch {
      this.#wrong = undefined;
    }
    this.#isSynchronized = await this.#askSystem(this.#now());
  }

  /** Takes in a reading. Called for every message. @param second of the reading. @param clock ms since 1970, about now. */
  note(second: number, clock: number): void {
    this.#readings++;
    if (second * 1000 <= clock + AHEAD_S * 1000) {
      if (second * 1000 < clock - BEHIND_MS) this.#behind++;
      return;
    }
    this.#ahead++;
    this.#aheadSince ??= clock;
  }

  /** Takes in a message that was rejected as it is more than a day ahead of the clock. */
  noteRejected(clock: number): void {
    this.note(Number.POSITIVE_INFINITY, clock);
  }

  /** What is wrong with the clock, for a person; undefined where nothing seems so. */
  get suspicion(): string | undefined {
    if (this.#wrong === undefined) return this.#seemsAhead;
    const share = Math.round(this.#share * 100);
    return (
      `the clock of this machine seems wrong: ${share} % of the last readings are more than ${AHEAD_S} s ahead of it. ` +
      'Set it (NTP): readings from more than a day ahead are rejected until then, and decided again afterwards'
    );
  }

  get #seemsAhead(): string | undefined {
    if (this.#behindSince === undefined || this.#passed() - this.#behindSince < BEHIND_FOR_MS)
      return undefined;
    return (
      'the clock of this machine seems wrong: for an hour most readings have been more than a day behind it. ' +
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
      aheadShare: this.#share,
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
      this.#forget();
      this.#behindSince = undefined;
      if (this.#wrong !== undefined) this.#wrong.until = Math.max(this.#wrong.until, now - jumped);
    }
    const ended = this.#readings >= LEAST_READINGS ? await this.#decide(now) : undefined;
    return { ...(hasJumped && { jumped }), ...(ended && { ended }) };
  }

  /** What was decided again need not be any more. */
  async settled(): Promise<void> {
    await rm(this.#file, { force: true });
  }

  async #decide(now: number): Promise<WrongTime | undefined> {
    this.#share = this.#ahead / this.#readings;
    if (this.#behind <= this.#readings / 2) this.#behindSince = undefined;
    else this.#behindSince ??= this.#passed();
    const since = this.#aheadSince;
    this.#forget();
    if (this.#share > 0.5) {
      this.#wrong = { since: this.#wrong?.since ?? since ?? now, until: now };
      await writeAtomically(this.#file, `${JSON.stringify(this.#wrong)}\n`);
      return undefined;
    }
    const ended = this.#wrong;
    this.#wrong = undefined;
    return ended;
  }

  #forget(): void {
    this.#readings = 0;
    this.#ahead = 0;
    this.#behind = 0;
    this.#aheadSince = undefined;
  }
}
