/** A bounded number of seats; who finds them taken waits in line for a while. */
export class Seats {
  #free: number;
  readonly #waiting = new Set<(isFree: boolean) => void>();

  constructor(seats: number) {
    this.#free = seats;
  }

  /** Resolves to true with a seat, which is to be given back with `leave`; to false where none gets free in time. */
  take(patienceMs: number): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(true);
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => called(false), patienceMs);
    const called = (isFree: boolean) => {
      clearTimeout(timer);
      this.#waiting.delete(called);
      resolve(isFree);
    };
    this.#waiting.add(called);
    return promise;
  }

  /** Gives a seat back: to who has waited longest. */
  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free++;
    else next(true);
  }
}
