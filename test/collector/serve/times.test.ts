import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatTime } from '../../../base/time.ts';
import { readDate, readRange } from '../../../collector/serve/times.ts';

const rangeOf = (from?: string, to?: string) => {
  const range = readRange(from, to);
  return [formatTime(range.from), formatTime(range.to)];
};

test('dates count as whole days in UTC, both of them', () => {
  expect(rangeOf('2022-04-14', '2022-04-15')).toEqual([
    '2022-04-14T00:00:00.000000Z',
    '2022-04-16T00:00:00.000000Z',
  ]);
  expect(rangeOf('2022-04-14', '2022-04-14')).toEqual([
    '2022-04-14T00:00:00.000000Z',
    '2022-04-15T00:00:00.000000Z',
  ]);
});

test('times have an offset; to is not in it', () => {
  expect(rangeOf('2022-04-14T10:00:00.000001Z', '2022-04-14T14:00+02:00')).toEqual([
    '2022-04-14T10:00:00.000001Z',
    '2022-04-14T12:00:00.000000Z',
  ]);
});

test('a + that arrives as a space is meant', () => {
  expect(rangeOf('2022-04-14T14:00:00 02:00', '2022-04-15')[0]).toBe('2022-04-14T12:00:00.000000Z');
});

test('an end that is not given is where all readings begin or end, and so is one beyond', () => {
  const all = ['2000-01-01T00:00:00.000000Z', '2200-01-01T00:00:00.000000Z'];
  expect(rangeOf()).toEqual(all);
  expect(rangeOf('0000-01-01', '9999-12-31')).toEqual(all);
});

test.each([
  '',
  'today',
  '2022-4-14',
  '2022-02-30',
  '2022-04-14T10:00:00',
  '2022-04-14 10:00',
  '1649941817',
  '2022',
])('%j is refused, and what was expected is told', text => {
  expect(() => readRange(text, '2022-04-15')).toThrow(
    /^query from: must be a date .* or a time with its offset/,
  );
  expect(() => readRange('2022-04-14', text)).toThrow(/^query to: must be/);
});

test('a stretch that ends before it begins is refused', () => {
  expect(() => readRange('2022-04-15', '2022-04-14')).toThrow('from: 2022-04-15 is after to, 2022-04-14');
  expect(() => readRange('2022-04-15T00:00:01Z', '2022-04-15T00:00:00Z')).toThrow('is after to');
});

test('a date is a date', () => {
  expect(readDate('date', '2024-02-29')).toBe('2024-02-29');
  expect(readDate('date', '0000-01-01')).toBe('0001-01-01');
  for (const text of ['2023-02-29', '2024-02-29T00:00:00Z', '', '0']) {
    expect(() => readDate('date', text)).toThrow('query date: must be a date such as 2022-04-14');
  }
});

test('whatever is given, it is read or refused with 400', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (from, to) => {
      try {
        const range = readRange(from, to);
        expect(range.from).toBeLessThanOrEqual(range.to);
      } catch (error) {
        expect(error).toMatchObject({ statusCode: 400 });
      }
    }),
  );
});
