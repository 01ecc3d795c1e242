import { expect, test } from 'vitest';
import { median, percentile, ratios, spread } from '../../bench/stats.ts';

test('a median is the middle one, or the mean of the middle two', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([10, 1, 2, 9])).toBe(5.5);
  expect(() => median([])).toThrow(RangeError);
});

test('a percentile is one of the values', () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(percentile(values, 0.5)).toBe(100);
  expect(percentile(values, 0.99)).toBe(198);
  expect(percentile(values, 1)).toBe(200);
  expect(percentile([7], 0)).toBe(7);
  expect(() => percentile([], 0.5)).toThrow(RangeError);
});

test('a spread has the median, the least and the greatest', () => {
  expect(spread([3, 100, 2])).toEqual({ median: 3, min: 2, max: 100, rounds: 3 });
});

test('ratios are formed within a round, before the median', () => {
  // The medians of the sides are 20 and 20; within each round but one the first is twice the second.
  expect(ratios([20, 40, 10], [10, 20, 30])).toEqual({
    median: 2,
    min: 1 / 3,
    max: 2,
    rounds: 3,
    isRatio: true,
  });
  expect(() => ratios([1, 2], [1])).toThrow(RangeError);
});
