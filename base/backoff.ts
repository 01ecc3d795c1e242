/** Waits that double from `firstMs` to `mostMs`, each shortened by chance so that many clients do not come back at once. */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  #attempt = 0;

  constructor(firstMs: number, mostMs: number) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
  }

  /** The next wait in ms: between half of the doubled wait and all of it. */
  next(random: () => number = Math.random): number {
    const most = Math.min(this.#mostMs, this.#firstMs * 2 ** this.#attempt);
    if (most < this.#mostMs) this.#attempt++;
    return most * (0.5 + random() / 2);
  }

  /** Begins anew after a success. */
  reset(): void {
    this.#attempt = 0;
  }
}
