import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LateMark } from '../../../collector/bronze/late-marks.ts';
import { Watermark } from '../../../collector/bronze/watermark.ts';

const LINE = 10;
const sensors = ['a', 'b', 'a sensor with a longer id'];
const line = fc.record({ sensor: fc.constantFrom(...sensors), second: fc.integer({ min: 1000, max: 2000 }) });
const lines = fc.array(line, { maxLength: 40 });
const marks = fc
  .array(
    fc
      .tuple(fc.nat(40), fc.boolean(), fc.oneof(fc.integer({ min: 900, max: 2300 }), fc.constant(Infinity)))
      .map(
        ([n, isNewest, second]): LateMark =>
          isNewest && second < Infinity
            ? { from: n * LINE, newest: second }
            : { from: n * LINE, aheadOf: second },
      ),
    { maxLength: 6 },
  )
  .map(list => list.toSorted((a, b) => a.from - b.from));
const minutes = fc.integer({ min: 1, max: 10 });

/** What the marks up to a byte say of files of later days. */
const newestOf = (marks: LateMark[], offset: number) =>
  marks.filter(({ from }) => from <= offset).flatMap(({ newest }) => newest ?? []);
/** Whether a line makes others late: it was not ahead of the clock. */
const counts = (marks: LateMark[], second: number, line: number) =>
  second <=
  (marks.findLast(({ from, aheadOf }) => from <= line * LINE && aheadOf !== undefined)?.aheadOf ?? Infinity);

test('of one sensor or of many, in one piece or in several: late is what is far behind a line or a mark before it', () => {
  fc.assert(
    fc.property(lines, marks, minutes, fc.boolean(), fc.nat(3), (list, marks, lateMinutes, many, fork) => {
      let watermark = new Watermark({ lateMinutes, marks, sensors: many ? new Map() : undefined });
      for (const [index, { sensor, second }] of list.entries()) {
        const offset = index * LINE;
        const before = [
          ...newestOf(marks, offset),
          ...list
            .slice(0, index)
            .filter((earlier, n) => (!many || earlier.sensor === sensor) && counts(marks, earlier.second, n))
            .map(earlier => earlier.second),
        ];
        const late = before.some(newest => newest - second > lateMinutes * 60);
        if (index % 4 === fork) watermark = watermark.fork();
        expect(watermark.isLate(sensor, second, offset)).toBe(late);
      }
      const seen = newestOf(marks, (list.length - 1) * LINE);
      const all = [
        ...seen,
        ...list.filter(({ second }, n) => counts(marks, second, n)).map(({ second }) => second),
      ];
      expect(watermark.newest).toBe(all.length === 0 ? undefined : Math.max(...all));
    }),
    { numRuns: 500 },
  );
});

test('a file goes on where its newest second was noted', () => {
  fc.assert(
    fc.property(lines, marks, minutes, fc.nat(40), (list, marks, lateMinutes, at) => {
      const judge = (watermark: Watermark, from: number, to: number) =>
        list
          .slice(from, to)
          .map(({ sensor, second }, index) => watermark.isLate(sensor, second, (from + index) * LINE));
      const whole = judge(new Watermark({ lateMinutes, marks }), 0, list.length);
      const first = new Watermark({ lateMinutes, marks });
      const begin = judge(first, 0, at);
      const rest = marks.filter(({ from }) => from >= at * LINE);
      const second = new Watermark({ lateMinutes, newest: first.newest, marks: rest });
      expect([...begin, ...judge(second, at, list.length)]).toEqual(whole);
    }),
    { numRuns: 500 },
  );
});

test('a fork leaves the watermark that it was made of where it was', () => {
  const watermark = new Watermark({ lateMinutes: 1, sensors: new Map() });
  watermark.isLate('a', 1000, 0);
  const fork = watermark.fork();
  fork.isLate('a', 2000, 10);
  expect(fork.newest).toBe(2000);
  expect(watermark.newest).toBe(1000);
  expect(watermark.isLate('a', 990, 10)).toBe(false);
});
