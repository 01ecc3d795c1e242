import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Watermark } from '../../../collector/silver/watermark.ts';

const LINE = 10;
const sensors = ['a', 'b', 'a sensor with a longer id'];
const line = fc.record({ sensor: fc.constantFrom(...sensors), second: fc.integer({ min: 1000, max: 2000 }) });
const lines = fc.array(line, { maxLength: 40 });
const marks = fc
  .array(fc.record({ from: fc.nat(40).map(n => n * LINE), newest: fc.integer({ min: 900, max: 2300 }) }), {
    maxLength: 4,
  })
  .map(list => list.toSorted((a, b) => a.from - b.from));
const minutes = fc.integer({ min: 1, max: 10 });

test('of one sensor or of many, in one piece or in several: late is what is far behind a line or a mark before it', () => {
  fc.assert(
    fc.property(lines, marks, minutes, fc.boolean(), fc.nat(3), (list, marks, lateMinutes, many, fork) => {
      let watermark = new Watermark({ lateMinutes, marks, sensors: many ? new Map() : undefined });
      for (const [index, { sensor, second }] of list.entries()) {
        const offset = index * LINE;
        const before = [
          ...marks.filter(({ from }) => from <= offset).map(({ newest }) => newest),
          ...list
            .slice(0, index)
            .filter(earlier => !many || earlier.sensor === sensor)
            .map(earlier => earlier.second),
        ];
        const late = before.some(newest => newest - second > lateMinutes * 60);
        if (index % 4 === fork) watermark = watermark.fork();
        expect(watermark.isLate(sensor, second, offset)).toBe(late);
      }
      const seen = marks.filter(({ from }) => from <= (list.length - 1) * LINE).map(({ newest }) => newest);
      const all = [...seen, ...list.map(({ second }) => second)];
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
