/**
 * When to load: as soon as `rows` lines wait, or `ms` after the first of them was recorded. Pure: the caller brings
 * the clock (ms) and does the waiting.
 */
export class BatchPolicy {
  readonly #rows: number;
  readonly #ms: number;
  #waiting = 0;
  #since: number | undefined;

  constructor(rows: number, ms: number) {
    this.#rows = rows;
    this.#ms = ms;
  }

  /** Counts lines that have become durable. */
  add(lines: number, now: number): void {
    this.#waiting += lines;
    this.#since ??= now;
  }

  /** ms until a batch is due: 0 when it is, undefined when nothing waits. */
  untilDue(now: number): number | undefined {
    if (this.#since === undefined) return undefined;
    if (this.#waiting >= this.#rows) return 0;
    return Math.max(0, this.#since + this.#ms - now);
  }

  /** A batch took what waited, or (`more`) only a part of it: then the rest is due at once. */
  taken(more: boolean, now: number): void {
    this.#waiting = more ? this.#rows : 0;
    this.#since = more ? now : undefined;
  }
}
