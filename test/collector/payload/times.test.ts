import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatTime, parseTime, utc, zoneOf } from '../../../base/time.ts';
import { readTime, type TimeUnit } from '../../../collector/payload/times.ts';

const arrival = parseTime('2025-10-26T01:15:00Z', utc)!;
const read = (value: unknown, unit: TimeUnit = 'auto', zone = 'UTC') => {
  const time = readTime(value, unit, zoneOf(zone), arrival);
  return typeof time === 'number' ? formatTime(time) : time;
};

test.each<[unknown, TimeUnit, string]>([
  ['2025-11-12T10:15:01Z', 'auto', '2025-11-12T10:15:01.000000Z'],
  [' 2025-11-12T10:15:01Z\n', 'iso', '2025-11-12T10:15:01.000000Z'],
  [1762942501, 'auto', '2025-11-12T10:15:01.000000Z'],
  ['1762942501', 'auto', '2025-11-12T10:15:01.000000Z'],
  [1762942501.5, 's', '2025-11-12T10:15:01.500000Z'],
  [1762942501.123456, 'auto', '2025-11-12T10:15:01.123456Z'],
  ['1762942501.1234567', 's', '2025-11-12T10:15:01.123456Z'],
  [1762942501123, 'auto', '2025-11-12T10:15:01.123000Z'],
  [1762942501123.25, 'ms', '2025-11-12T10:15:01.123250Z'],
  ['1762942501123', 'auto', '2025-11-12T10:15:01.123000Z'],
  [1762942501123456, 'auto', '2025-11-12T10:15:01.123456Z'],
  ['1762942501123456789', 'auto', '2025-11-12T10:15:01.123456Z'],
  ['1762942501123456789', 'ns', '2025-11-12T10:15:01.123456Z'],
  [946684800, 'ms', '1970-01-11T22:58:04.800000Z'],
])('%j in %s is %s', (value, unit, expected) => {
  expect(read(value, unit)).toBe(expected);
});

test('local times are those of the zone; in the repeated hour the instant nearer to the arrival', () => {
  expect(read('2025-10-26T00:30:00', 'auto', 'Europe/Berlin')).toBe('2025-10-25T22:30:00.000000Z');
  expect(read('2025-10-26T02:30:00', 'auto', 'Europe/Berlin')).toBe('2025-10-26T01:30:00.000000Z');
});

test.each<[unknown, TimeUnit, string]>([
  [null, 'auto', 'time is neither a text nor a number'],
  [{}, 's', 'time is neither a text nor a number'],
  [1762942501, 'iso', 'time is not a text'],
  ['yesterday', 'auto', 'time is not an ISO 8601 date and time'],
  ['2025-W46-3', 'auto', 'time is a week date, which is not taken'],
  ['2025-316', 'auto', 'time is an ordinal date, which is not taken'],
  ['2025-11-12', 's', 'time is not a number of s'],
  [Number.POSITIVE_INFINITY, 'auto', 'time is not a finite number'],
  ['1'.repeat(30), 'auto', 'time is not an ISO 8601 date and time'],
])('%j in %s: %s', (value, unit, reason) => {
  expect(read(value, unit)).toBe(reason);
});

test('a Unix time as text is the microsecond that it names, in each unit', () => {
  const time = fc.integer({ min: 946_684_800_000_000, max: 7_258_118_399_999_999 });
  fc.assert(
    fc.property(time, fc.constantFrom('auto', 'own'), (micros, kind) => {
      const written = {
        s: `${Math.floor(micros / 1e6)}.${String(micros % 1e6).padStart(6, '0')}`,
        us: `${micros}`,
        ns: `${micros}999`,
      };
      for (const [unit, text] of Object.entries(written)) {
        expect(readTime(text, kind === 'auto' ? 'auto' : (unit as TimeUnit), utc, arrival)).toBe(micros);
      }
    }),
  );
});
