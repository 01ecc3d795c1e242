import { type FaultKind, faultKinds } from './faults.ts';

/** Five kinds, one every so often, are all shown within two minutes. */
const EVERY_MS = 20_000;

/**
 * Shows whoever has just started the sensors every kind of fault once: chance alone may take ten minutes. The next kind is due
 * 20 seconds after the one before it, each time at another sensor.
 */
export class FaultTour {
  readonly #sensors: number;
  #shown = 0;
  #startMs: number | undefined;

  constructor(sensors: number) {
    this.#sensors = sensors;
  }

  /** The fault that is due at a tick, and whose it is. @param timeMs of the tick; ticks are asked in their order. */
  at(timeMs: number): { kind: FaultKind; sensor: number } | undefined {
    this.#startMs ??= timeMs;
    const kind = faultKinds[this.#shown];
    if (kind === undefined || this.#sensors === 0 || timeMs < this.#startMs + (this.#shown + 1) * EVERY_MS)
      return undefined;
    const sensor = (this.#shown % this.#sensors) + 1;
    this.#shown++;
    return { kind, sensor };
  }
}
