import { UsageError } from '../../base/errors.ts';
import { type Micros, parseTime, type Zone } from '../../base/time.ts';

/** A time range: `from` ≤ time < `to`. */
export interface TimeRange {
  from: Micros;
  to: Micros;
}

// What PostgreSQL and four digits of a year can say; no reading is outside.
const EARLIEST = Date.UTC(1900, 0, 1) * 1000;
const LATEST = Date.UTC(9999, 11, 31) * 1000;
const EXPECTED = 'must be a date such as 2025-11-12 or a time such as 2025-11-12T10:15:01.5+01:00';

/**
 * Reads the two ends of a time range. A date stands for its midnight as `from`, and takes in its whole day as
 * `to`; what names no offset is in `zone`.
 * @throws {UsageError} where an end is not a time, or the range ends before it begins.
 */
export function parseRange(from: string, to: string, zone: Zone): TimeRange {
  const begin = within(parseTime(from, zone) ?? refuse('--from', from));
  const moment = parseTime(to, zone) ?? refuse('--to', to);
  const isDate = /^\d{4}-\d\d-\d\d$/.test(to);
  const end = within(isDate ? (parseTime(dayAfter(to), zone) ?? LATEST) : moment);
  if (begin > end || (isDate && begin === end)) throw new UsageError(`--from ${from} is after --to ${to}`);
  return { from: begin, to: end };
}

/** By the calendar: a day on which the clocks change is not 24 hours long. */
function dayAfter(date: string): string {
  return new Date(Date.parse(date) + 86_400_000).toISOString().slice(0, 10);
}

function within(time: Micros): Micros {
  return Math.min(Math.max(time, EARLIEST), LATEST);
}

function refuse(option: string, given: string): never {
  throw new UsageError(`${option} ${EXPECTED}, not ${JSON.stringify(given)}`);
}
