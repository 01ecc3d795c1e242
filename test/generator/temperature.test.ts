import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Temperature } from '../../generator/temperature.ts';

const START = Date.UTC(2025, 10, 12);
const DAY_S = 86_400;

const seed = fc.integer({ min: 0, max: 4_294_967_295 });
const sensor = fc.integer({ min: 1, max: 1000 });

/** The readings of a day, one a second. */
function dayOf(temperature: Temperature): number[] {
  return Array.from({ length: DAY_S }, (_, second) => temperature.at(START + second * 1000));
}

test('a day of readings stays within 0 to 45 °C, with two decimals, and neighbours differ little', () => {
  fc.assert(
    fc.property(seed, sensor, (seed, sensor) => {
      const values = dayOf(new Temperature(seed, sensor));
      let greatestStep = 0;
      for (const [second, value] of values.entries()) {
        if (value < 0 || value > 45 || Number(value.toFixed(2)) !== value) throw new Error(`${value} °C`);
        if (second > 0) greatestStep = Math.max(greatestStep, Math.abs(value - values[second - 1]!));
      }
      expect(greatestStep).toBeLessThanOrEqual(0.1);
    }),
    { numRuns: 20 },
  );
});

test('it is weather, not noise: the day has a warm and a cold part, and the air never stands still for long', () => {
  fc.assert(
    fc.property(seed, sensor, (seed, sensor) => {
      const values = dayOf(new Temperature(seed, sensor));
      const meanOf = (hour: number) => {
        const slice = values.slice(hour * 3600, (hour + 1) * 3600);
        return slice.reduce((sum, value) => sum + value) / slice.length;
      };
      const afternoon = [13, 14, 15, 16].map(meanOf).reduce((sum, mean) => sum + mean) / 4;
      const night = [1, 2, 3, 4].map(meanOf).reduce((sum, mean) => sum + mean) / 4;
      expect(afternoon).toBeGreaterThan(night);
      for (let second = 0; second < DAY_S; second += 60) {
        expect(new Set(values.slice(second, second + 60)).size).toBeGreaterThan(1);
      }
    }),
    { numRuns: 5 },
  );
});

test('each sensor has a level of its own', () => {
  const values = Array.from({ length: 5 }, (_, index) => new Temperature(1, index + 1).at(START));
  expect(new Set(values).size).toBe(5);
});

test('a moment has the same temperature whatever was asked before', () => {
  const asked = new Temperature(3, 2);
  const times = [5, 1, 9, 1].map(hour => START + hour * 3_600_000);
  expect(times.map(time => asked.at(time))).toEqual(times.map(time => new Temperature(3, 2).at(time)));
});
