import { between, smooth } from './curve.ts';

const MINUTE_MS = 60_000;

/** Beyond the numbers of temperature sensors, which count from 1. */
const VOLTAGE = 0;
const CURRENT = 0xffff_ffff;
const use = { drift: 0, noise: 1, load: 2 };

/** Sensors of a cabinet, as the registry that comes with Sluice has them: what `gold.daily_power` multiplies. */
export const powerSensors: readonly {
  id: string;
  topic: string;
  at: (seed: number, timeMs: number) => number;
}[] = [
  {
    id: 'Voltage',
    topic: 'sensors/voltage',
    // V: the mains, which drift by a few volts.
    at: (seed, timeMs) =>
      rounded(
        230 +
          4 * smooth(seed, [VOLTAGE, use.drift], timeMs, 10 * MINUTE_MS) +
          0.3 * between(seed, VOLTAGE, use.noise, timeMs),
      ),
  },
  {
    id: 'Current',
    topic: 'sensors/current',
    // A: a load that changes within minutes, 0.4 to 11.6.
    at: (seed, timeMs) =>
      rounded(
        6 +
          5.5 * smooth(seed, [CURRENT, use.load], timeMs, 3 * MINUTE_MS) +
          0.1 * between(seed, CURRENT, use.noise, timeMs),
      ),
  },
];

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
