import { between, smooth } from './curve.ts';
import { random } from './random.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

// In °C. The lowest level less everything else is 4.4, the highest with everything else 39.6: always within 0 to 45.
const LOWEST_LEVEL = 14;
const HIGHEST_LEVEL = 30;
const SMALLEST_SWING = 2;
const LARGEST_SWING = 7;
const DRIFT = 2.5;
const WOBBLE = 0.12;
const NOISE = 0.02;

/** What the numbers of a sensor are for: the first coordinate after the sensor's, so that no two uses share them. */
const use = { level: 0, swing: 1, peak: 2, drift: 3, wobble: 4, noise: 5 };

/**
 * The temperature at one sensor: a wave a day long about a level of its own, the weather's drift within the hour, the
 * wobble of the air within seconds, and the noise of the measurement.
 *
 * A function of time, without memory: a generator that is started again goes on where the other one would be.
 */
export class Temperature {
  readonly #seed: number;
  readonly #sensor: number;
  readonly #level: number;
  readonly #swing: number;
  readonly #peakMs: number;

  /** @param sensor the sensor's number. Each has its own level, swing, hour of the greatest warmth, and drift. */
  constructor(seed: number, sensor: number) {
    this.#seed = seed;
    this.#sensor = sensor;
    const within = (least: number, greatest: number, of: number) =>
      least + (greatest - least) * random(seed, sensor, of);
    this.#level = within(LOWEST_LEVEL, HIGHEST_LEVEL, use.level);
    this.#swing = within(SMALLEST_SWING, LARGEST_SWING, use.swing);
    this.#peakMs = within(13 * HOUR_MS, 17 * HOUR_MS, use.peak);
  }

  /**
   * @param timeMs whole ms since 1970.
   * @returns °C with two decimals, within 0 to 45.
   */
  at(timeMs: number): number {
    const daily = this.#swing * Math.cos((2 * Math.PI * (timeMs - this.#peakMs)) / DAY_MS);
    const drift = DRIFT * smooth(this.#seed, [this.#sensor, use.drift], timeMs, 30 * MINUTE_MS);
    const wobble = WOBBLE * smooth(this.#seed, [this.#sensor, use.wobble], timeMs, 20 * SECOND_MS);
    const noise = NOISE * between(this.#seed, this.#sensor, use.noise, timeMs);
    return Math.round((this.#level + daily + drift + wobble + noise) * 100) / 100;
  }
}
