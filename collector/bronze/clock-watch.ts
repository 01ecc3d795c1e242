import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../base/atomic-file.ts';

/** Readings that are further ahead of the clock than this say that one of the two is wrong. */
const AHEAD_S = 60;
/** So many readings, at least, tell whether it is the clock. */
const LEAST_READINGS = 20;
/** Between two looks the clock may drift from the time that has passed by this much; by more, it was set. */
const JUMP_MS = 30_000;
const FILE = 'clock_wrong.json';

/** While the clock seemed wrong: from when to when, by that clock, in ms since 1970. */
export interface WrongTime {
  since: number;
  until: number;
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
  #readings = 0;
  #ahead = 0;
  /** When the first of the readings that were ahead came. */
  #aheadSince: number | undefined;
  #share = 0;
  #wrong: WrongTime | undefined;
  #offset: number;

  /** @param now the clock, in ms since 1970. @param passed ms that have passed since some moment. */
  constructor(dataDir: string, now = Date.now, passed = () => performance.now()) {
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
  }

  /** Takes in a reading. Called for every message. @param second of the reading. @param clock ms since 1970, about now. */
  note(second: number, clock: number): void {
    this.#readings++;
    if (second * 1000 <= clock + AHEAD_S * 1000) return;
    this.#ahead++;
    this.#aheadSince ??= clock;
  }

  /** Takes in a message that was rejected as it is more than a day ahead of the clock. */
  noteRejected(clock: number): void {
    this.note(Number.POSITIVE_INFINITY, clock);
  }

  /** What is wrong with the clock, for a person; undefined where nothing seems so. */
  get suspicion(): string | undefined {
    if (this.#wrong === undefined) return undefined;
    const share = Math.round(this.#share * 100);
    return (
      `the clock of this machine seems wrong: ${share} % of the last readings are more than ${AHEAD_S} s ahead of it. ` +
      'Set it (NTP): readings from more than a day ahead are rejected until then, and decided again afterwards'
    );
  }

  /**
   * Looks at what came since the last time. To be called every few seconds.
   * @returns by how many ms the clock was set meanwhile, and the time in which it was wrong, where that has just ended.
   */
  async look(): Promise<{ jumped?: number; ended?: WrongTime }> {
    const now = this.#now();
    const offset = now - this.#passed();
    const jumped = offset - this.#offset;
    this.#offset = offset;
    const hasJumped = Math.abs(jumped) > JUMP_MS;
    // What came by the clock as it was says nothing of the clock as it is.
    if (hasJumped) {
      this.#forget();
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
    this.#aheadSince = undefined;
  }
}
