import type { Micros } from '../../base/time.ts';

/** A clock that is set back by more than this is followed; by less, time stands still until it has caught up. */
const STEP_BACK: Micros = 60_000_000;

/** When messages arrive: each later than the one before, by a microsecond where the clock does not say so. */
export class Arrivals {
  #last: Micros = 0;

  /** @param clock ms since 1970. */
  next(clock: number): Micros {
    const now = clock * 1000;
    this.#last = now > this.#last || now < this.#last - STEP_BACK ? now : this.#last + 1;
    return this.#last;
  }
}
