import { expect, test } from 'vitest';
import { Lag } from '../../../collector/serve/lag.ts';

test('nothing pending is no lag', () => {
  const lag = new Lag(0);
  lag.grew(100, 5000);
  expect(lag.seconds(0, 9000)).toBe(0);
});

test('the oldest pending byte counts, whatever came after it', () => {
  const lag = new Lag(0);
  lag.grew(100, 1000);
  lag.grew(100, 3000);
  lag.grew(100, 7000);
  expect(lag.seconds(300, 10_000)).toBe(9);
  expect(lag.seconds(201, 10_000)).toBe(9);
  expect(lag.seconds(200, 10_000)).toBe(7);
  expect(lag.seconds(1, 10_000)).toBe(3);
  lag.grew(50, 11_000);
  expect(lag.seconds(51, 12_000)).toBe(5);
  expect(lag.seconds(50, 12_000)).toBe(1);
});

test('what was there before it began has waited since then', () => {
  const lag = new Lag(2000);
  lag.grew(10, 4000);
  expect(lag.seconds(500, 10_000)).toBe(8);
});

test('bytes of the same second share a mark, and a day of them is kept in bounds', () => {
  const lag = new Lag(0);
  for (let second = 0; second < 300_000; second++) lag.grew(1, second * 1000);
  const waited = lag.seconds(300_000 - 100_000, 300_000_000);
  expect(Math.abs(waited - 200_000)).toBeLessThan(10);
});
