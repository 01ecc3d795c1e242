import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FilesOfDay, oldestKept, recordedDays } from '../../../collector/retention/recorded-days.ts';

const DAY_MS = 86_400_000;
/** A day of a house that records without a pause. */
const TODAY = 20_000;
const YEARS = 2000;

const sensors = (list: number[], files = 100) => list.map(day => ({ day, hasArrivals: false, files }));
const topics = (list: number[], files = 100) => list.map(day => ({ day, hasArrivals: true, files }));
const fromTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
const kept = (files: FilesOfDay[], keep: number) => oldestKept(recordedDays(files), keep)! / DAY_MS;

test('in a house without a pause the clock says the same', () => {
  const year = fromTo(TODAY - 365, TODAY);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), keep => {
      expect(kept(topics(year), keep)).toBe(TODAY - keep);
      // The day may be over, and nothing of the next one be there.
      expect(kept(sensors(year), keep)).toBe(TODAY - keep + 1);
    }),
  );
});

test('a clock that is set ahead by years ages what arrived before it by as many days as are recorded by it', () => {
  const before = topics(fromTo(TODAY - 365, TODAY));
  for (const since of [0, 1, 10]) {
    const arrived = [...before, ...topics(fromTo(TODAY + YEARS, TODAY + YEARS + since))];
    expect(kept(arrived, 30)).toBe(TODAY - 30 + since + 1);
    expect(kept([...arrived, ...sensors(fromTo(TODAY - 365, TODAY + since))], 30)).toBe(
      TODAY - 30 + since + 1,
    );
  }
});

test('a few sensors whose clocks are years ahead do not count', () => {
  const house = sensors(fromTo(TODAY - 365, TODAY));
  expect(kept([...house, ...sensors(fromTo(TODAY + YEARS, TODAY + YEARS + 20), 3)], 30)).toBe(TODAY - 29);
});

test('sensors that send once a week are kept by their dates, not by their number', () => {
  const weeks = fromTo(0, 50).map(n => TODAY - n * 7);
  expect(kept(sensors(weeks), 30)).toBe(TODAY - 29);
});

test('where nothing was recorded nothing is said', () => {
  expect(oldestKept(recordedDays([]), 30)).toBeUndefined();
});
