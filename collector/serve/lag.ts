/** Marks that are kept: a day of a database that is away, at one a second. */
const MOST_MARKS = 86_400;
const STEP_MS = 1000;

/**
 * How long the oldest byte of a queue has been in it, without a look at the queue: it hears when bytes come in, and
 * asked with how many are in there. Exact to a second; for what was there before it began, it says since it began.
 */
export class Lag {
  #total = 0;
  readonly #began: number;
  /** `bytes` had come in at `ms`; ascending. */
  #marks: { bytes: number; ms: number }[] = [];

  /** @param now ms since 1970. */
  constructor(now = Date.now()) {
    this.#began = now;
  }

  /** Bytes came in. */
  grew(bytes: number, now: number): void {
    this.#total += bytes;
    const last = this.#marks.at(-1);
    if (last !== undefined && now - last.ms < STEP_MS && now >= last.ms) last.bytes = this.#total;
    else this.#marks.push({ bytes: this.#total, ms: now });
    // Half of the marks, evenly, tell nearly the same.
    if (this.#marks.length > MOST_MARKS) this.#marks = this.#marks.filter((_, index) => index % 2 === 1);
  }

  /** Seconds that the oldest of `pending` bytes has waited. */
  seconds(pending: number, now: number): number {
    if (pending <= 0) {
      this.#marks.length = 0;
      return 0;
    }
    const gone = this.#total - pending;
    const oldest = this.#marks.findIndex(mark => mark.bytes > gone);
    if (oldest > 0) this.#marks.splice(0, oldest);
    const since = gone < 0 || oldest === -1 ? this.#began : this.#marks[0]!.ms;
    return Math.max(0, now - since) / 1000;
  }
}
