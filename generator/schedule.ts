/** Two clocks, both in ms: the time of day since 1970, and one that nobody sets. */
interface Clocks {
  wall(): number;
  monotonic(): number;
}

const systemClocks: Clocks = { wall: () => Date.now(), monotonic: () => performance.now() };

/** How long after its time a tick is still sent: a busy event loop costs nothing, a machine that slept is not a burst. */
const GRACE_MS = 1000;

/**
 * When the readings are due: tick k at start + k × interval, whatever the ticks before it took.
 *
 * It runs by the monotonic clock, so that a clock set back gives no time twice, and is moved forward when the time of
 * day is ahead: the monotonic clock may stand still while the machine sleeps.
 */
export class Schedule {
  /** Time of tick 0, in ms since 1970: the next whole second, or the next multiple of a shorter interval. */
  readonly startMs: number;
  readonly #intervalMs: number;
  readonly #mostAtOnce: number;
  readonly #clocks: Clocks;
  /** Tick 0 on the monotonic clock. */
  #originMs: number;
  #last = -1;

  constructor(intervalMs: number, clocks = systemClocks) {
    this.#intervalMs = intervalMs;
    this.#mostAtOnce = Math.max(1, Math.floor(GRACE_MS / intervalMs));
    this.#clocks = clocks;
    const now = clocks.wall();
    const grid = Math.min(intervalMs, 1000);
    this.startMs = (Math.floor(now / grid) + 1) * grid;
    this.#originMs = clocks.monotonic() + this.startMs - now;
  }

  /** The time that the readings of a tick carry, in ms since 1970. */
  timeOf(tick: number): number {
    return this.startMs + tick * this.#intervalMs;
  }

  /**
   * Takes the ticks that have become due since the last call, oldest first, each once. Of those that were missed only the
   * latest is taken, or the latest of GRACE_MS; `skipped` says how many were left out.
   */
  take(): { ticks: number[]; skipped: number } {
    const latest = Math.floor(this.#elapsedMs() / this.#intervalMs);
    const next = this.#last + 1;
    const first = Math.max(next, latest + 1 - this.#mostAtOnce);
    const ticks: number[] = [];
    for (let tick = first; tick <= latest; tick++) ticks.push(tick);
    if (ticks.length > 0) this.#last = latest;
    return { ticks, skipped: first - next };
  }

  /** Ms until the next tick is due; 0 when it is. */
  untilNext(): number {
    return Math.max(0, (this.#last + 1) * this.#intervalMs - this.#elapsedMs());
  }

  /** Ms since tick 0 was due; never less than before. */
  #elapsedMs(): number {
    const elapsed = this.#clocks.monotonic() - this.#originMs;
    const ahead = this.#clocks.wall() - this.startMs - elapsed;
    if (ahead <= 0) return elapsed;
    this.#originMs -= ahead;
    return elapsed + ahead;
  }
}
