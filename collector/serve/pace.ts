/** While messages come in a stream, of all the time readers get this share; the rest is for recording and loading. */
const SHARE = 0.05;
/** No rest is longer, whatever the clock says a piece of work has taken. */
const LONGEST_REST_MS = 5000;

/**
 * Keeps readers from taking the machine away from recording: under load one of them at a time does a piece of work, and
 * then all of them rest for nineteen times as long as it took. Without load nobody waits.
 */
export class Pace {
  readonly #underLoad: () => boolean;
  /** Resolves when the last one in the line, and the rest after it, are over. */
  #last: Promise<void> = Promise.resolve();

  constructor(underLoad: () => boolean) {
    this.#underLoad = underLoad;
  }

  /** Does a short piece of work when its turn has come. */
  async turn<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#underLoad()) return work();
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    const began = performance.now();
    try {
      return await work();
    } finally {
      const restMs = this.#underLoad() ? (performance.now() - began) * (1 / SHARE - 1) : 0;
      setTimeout(resolve, Math.min(restMs, LONGEST_REST_MS));
    }
  }
}
