import { expect, test } from 'vitest';
import { Seats } from '../../../collector/serve/seats.ts';

const FOREVER_MS = 60_000;

test('who finds all seats taken gets the next one that is free, in the order of the line', async () => {
  const seats = new Seats(2);
  expect(await Promise.all([seats.take(0), seats.take(0)])).toEqual([true, true]);
  const seated: string[] = [];
  const first = seats.take(FOREVER_MS).then(() => seated.push('first'));
  const second = seats.take(FOREVER_MS).then(() => seated.push('second'));
  seats.leave();
  await first;
  expect(seated).toEqual(['first']);
  seats.leave();
  await second;
  seats.leave();
  seats.leave();
  expect(await Promise.all([seats.take(0), seats.take(0)])).toEqual([true, true]);
});

test('who has waited long enough goes, and takes no seat with them', async () => {
  const seats = new Seats(1);
  await seats.take(0);
  expect(await seats.take(1)).toBe(false);
  seats.leave();
  expect(await seats.take(0)).toBe(true);
});
