import { expect, test } from 'vitest';
import { dueDay } from '../../../../collector/outlet/report/due.ts';

const berlin = { hour: 8, minute: 0, zone: 'Europe/Berlin' };

test.each([
  // 08:00 in Berlin is 07:00 UTC in winter, 06:00 in summer.
  [berlin, '2025-11-13T06:59:59Z', '2025-11-11'],
  [berlin, '2025-11-13T07:00:00Z', '2025-11-12'],
  [berlin, '2025-07-13T05:59:59Z', '2025-07-11'],
  [berlin, '2025-07-13T06:00:00Z', '2025-07-12'],
  // 08:00 in Auckland is the evening before, in UTC: that day is not over.
  [{ ...berlin, zone: 'Pacific/Auckland' }, '2025-11-12T19:00:00Z', '2025-11-11'],
  // A day has ten minutes to be loaded.
  [{ hour: 0, minute: 0, zone: 'UTC' }, '2025-11-13T00:09:59Z', undefined],
  [{ hour: 0, minute: 0, zone: 'UTC' }, '2025-11-13T00:10:00Z', '2025-11-12'],
])('with %o the day that is due at %s is %s', (at, now, day) => {
  expect(dueDay(at, new Date(now))).toBe(day);
});

test.each(['2025-03-30', '2025-10-26'])(
  'a time that a change of the clocks leaves out or has twice comes once: around %s each day is due in turn',
  change => {
    for (const [hour, minute] of [
      [2, 30],
      [1, 30],
      [8, 0],
    ] as const) {
      const at = { hour, minute, zone: 'Europe/Berlin' };
      const days = new Set<string>();
      const from = Date.parse(`${change}T00:00:00Z`) - 3 * 86_400_000;
      for (let quarter = 0; quarter < 6 * 96; quarter++) {
        const day = dueDay(at, new Date(from + quarter * 900_000));
        if (day !== undefined) days.add(day);
      }
      const found = [...days];
      expect(found).toEqual(found.toSorted());
      // What a change skips is made up by the next mail: no gap is longer than a day.
      for (const [index, day] of found.entries())
        if (index > 0)
          expect(Date.parse(day) - Date.parse(found[index - 1]!)).toBeLessThanOrEqual(2 * 86_400_000);
    }
  },
);
