import { expect, test } from 'vitest';
import { UsageError } from '../../../base/errors.ts';
import { formatTime, zoneOf } from '../../../base/time.ts';
import { parseRange } from '../../../commands/readings/range.ts';

function range(from: string, to: string, zone = 'UTC'): [string, string] {
  const { from: begin, to: end } = parseRange(from, to, zoneOf(zone));
  return [formatTime(begin).replace('.000000', ''), formatTime(end).replace('.000000', '')];
}

test.each([
  ['2025-11-12', '2025-11-12', 'UTC', '2025-11-12T00:00:00Z', '2025-11-13T00:00:00Z'],
  ['2025-11-12', '2025-11-12', 'Europe/Berlin', '2025-11-11T23:00:00Z', '2025-11-12T23:00:00Z'],
  // 25 hours: the clocks go back.
  ['2025-10-26', '2025-10-26', 'Europe/Berlin', '2025-10-25T22:00:00Z', '2025-10-26T23:00:00Z'],
  ['2025-12-31', '2025-12-31', 'UTC', '2025-12-31T00:00:00Z', '2026-01-01T00:00:00Z'],
  ['2025-11-12T10:00', '2025-11-12', 'UTC', '2025-11-12T10:00:00Z', '2025-11-13T00:00:00Z'],
  [
    '2025-11-12 10:00:00',
    '2025-11-12T10:00:01.5',
    'Europe/Berlin',
    '2025-11-12T09:00:00Z',
    '2025-11-12T09:00:01.500000Z',
  ],
  [
    '2025-11-12T10:00+01:00',
    '2025-11-12T10:00Z',
    'America/New_York',
    '2025-11-12T09:00:00Z',
    '2025-11-12T10:00:00Z',
  ],
  ['2025-11-12T10:00Z', '2025-11-12T10:00Z', 'UTC', '2025-11-12T10:00:00Z', '2025-11-12T10:00:00Z'],
  // No reading is outside, and PostgreSQL has no year 0.
  ['0000-01-01', '9999-12-31', 'Asia/Tokyo', '1900-01-01T00:00:00Z', '9999-12-31T00:00:00Z'],
])('from %s to %s in %s is %s to %s', (from, to, zone, begin, end) => {
  expect(range(from, to, zone)).toEqual([begin, end]);
});

test.each([
  ['2025-11-13', '2025-11-12'],
  ['2025-11-12T10:00:01Z', '2025-11-12T10:00:00Z'],
  ['2025-11-13T00:00Z', '2025-11-12'],
  ['2025-11-12T10:00Z', '2025-11-12T10:30+01:00'],
])('from %s to %s is refused: it ends before it begins', (from, to) => {
  expect(() => range(from, to)).toThrow(UsageError);
  expect(() => range(from, to)).toThrow(`--from ${from} is after --to ${to}`);
});

test.each([
  ['yesterday', '2025-11-12', '--from'],
  ['2025-11-12', '2025-02-30', '--to'],
  ['1649941817', '2025-11-12', '--from'],
  ['2025-11-12', '', '--to'],
])('from %j to %j is refused, with what was expected', (from, to, option) => {
  expect(() => range(from, to)).toThrow(UsageError);
  expect(() => range(from, to)).toThrow(
    `${option} must be a date such as 2025-11-12 or a time such as 2025-11-12T10:15:01.5+01:00`,
  );
});
