/**
 * After a full batch, lines that nothing has joined for this long are the end of a burst: no more come that would be worth
 * waiting for. Longer than a stream of groups pauses while it is under load.
 */
const LULL_MS = 200;

/**
 * When to load: as soon as `rows` lines wait, or `ms` after the first of them was recorded; sooner at the end of a burst.
 * Pure: the caller brings the clock (ms) and does the waiting.
 */
export class BatchPolicy {
  readonly #rows: number;
  readonly #ms: number;
  #waiting = 0;
  #since: number | undefined;
  #lastAdded = 0;
  /** The last batch was full. */
  #inBurst = false;

  constructor(rows: number, ms: number) {
    this.#rows = rows;
    this.#ms = ms;
  }

  /** Counts lines that have become durable. */
  add(lines: number, now: number): void {
    this.#waiting += lines;
    this.#since ??= now;
    this.#lastAdded = now;
  }

  /** ms until a batch is due: 0 when it is, undefined when nothing waits. */
  untilDue(now: number): number | undefined {
    if (this.#since === undefined) return undefined;
    if (this.#waiting >= this.#rows) return 0;
    const latest = this.#since + this.#ms;
    const due = this.#inBurst ? Math.min(latest, this.#lastAdded + LULL_MS) : latest;
    return Math.max(0, due - now);
  }

  /** A batch took what waited, or (`more`) only a part of it: then the rest is due at once. */
  taken(more: boolean, now: number): void {
    this.#inBurst = this.#waiting >= this.#rows;
    this.#waiting = more ? this.#rows : 0;
    this.#since = more ? now : undefined;
  }
}
