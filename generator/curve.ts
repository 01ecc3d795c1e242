import { random } from './random.ts';

/** A random number from -1 to 1. The coordinates are those of `random`. */
export function between(seed: number, ...coordinates: number[]): number {
  return 2 * random(seed, ...coordinates) - 1;
}

/** A curve within -1 to 1 through one random point a period, level at each of them. @param of what the numbers are for. */
export function smooth(seed: number, of: readonly number[], timeMs: number, periodMs: number): number {
  const period = Math.floor(timeMs / periodMs);
  const part = timeMs / periodMs - period;
  const from = between(seed, ...of, period);
  const to = between(seed, ...of, period + 1);
  return from + (to - from) * part * part * (3 - 2 * part);
}
