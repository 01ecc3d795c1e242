import { unavailable } from '../../base/http/problem.ts';

/** While messages come in a stream, of all the time readers get this share; the rest is for recording and loading. */
const SHARE = 0.05;
/** No rest is longer, whatever the clock says a piece of work has taken. */
const LONGEST_REST_MS = 5000;
/** Who has waited this long for a turn is told to come back later. */
const PATIENCE_MS = 20_000;

/**
 * Keeps readers from taking the machine away from recording: under load one of them at a time does a piece of work, and
 * then all of them rest for nineteen times as long as it took. Without load nobody waits.
 */
export class Throttle {
  readonly #underLoad: () => boolean;
  readonly #patienceMs: number;
  /** Resolves when the last one in the line, and the rest after it, are over. */
  #last: Promise<void> = Promise.resolve();

  /** @param patienceMs how long a turn is waited for. */
  constructor(underLoad: () => boolean, patienceMs = PATIENCE_MS) {
    this.#underLoad = underLoad;
    this.#patienceMs = patienceMs;
  }

  /**
   * Does a short piece of work when its turn has come.
   * @throws {Problem} 503 where it does not come in time; then the work is not done.
   */
  async turn<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#underLoad()) return work();
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    if (!(await settlesWithin(before, this.#patienceMs))) {
      // Those behind us wait for what we have waited for.
      void before.then(resolve);
      throw unavailable('Too many are reading while messages come in at full rate.', 10);
    }
    const began = performance.now();
    try {
      return await work();
    } finally {
      const restMs = this.#underLoad() ? (performance.now() - began) * (1 / SHARE - 1) : 0;
      setTimeout(resolve, Math.min(restMs, LONGEST_REST_MS));
    }
  }
}

async function settlesWithin(promise: Promise<void>, ms: number): Promise<boolean> {
  const { promise: expired, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  const settled = await Promise.race([promise.then(() => true), expired]);
  clearTimeout(timer);
  return settled;
}
