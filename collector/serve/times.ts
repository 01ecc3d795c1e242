import { Problem } from '../../base/http/problem.ts';
import { type Micros, parseTime, zoneOf } from '../../base/time.ts';

/** A time range: `from` ≤ time < `to`. */
export interface Range {
  from: Micros;
  to: Micros;
}

const DAY: Micros = 86_400_000_000;
// No reading is outside, and PostgreSQL can say both.
const EARLIEST: Micros = Date.UTC(2000, 0, 1) * 1000;
const LATEST: Micros = Date.UTC(2200, 0, 1) * 1000;

const utc = zoneOf('UTC');
const date = /^\d{4}-\d\d-\d\d$/;
const offset = /(?:[Zz]|[+-]\d\d(?::?\d\d)?)$/;

/** What a parameter that is a time may be; also for the API's description. */
export const TIME_FORM =
  'a date (2022-04-14, in UTC) or a time with its offset (2022-04-14T10:15:01.5Z, 2022-04-14T12:15:01+02:00)';

/**
 * Reads the two ends of a time range. A date stands for its midnight (UTC) as `from`, and takes in its whole day as `to`.
 * @param from undefined: from the first reading on.
 * @param to undefined: up to the last.
 * @throws {Problem} 400, with what was expected.
 */
export function readRange(from: string | undefined, to: string | undefined): Range {
  const begin = from === undefined ? EARLIEST : readTime('from', from);
  const isDay = to !== undefined && date.test(to);
  const end = to === undefined ? LATEST : readTime('to', to) + (isDay ? DAY : 0);
  if (begin > end || (isDay && begin === end))
    throw new Problem(400, `query from: ${from} is after to, ${to}.`);
  return { from: clamp(begin), to: clamp(end) };
}

/**
 * Reads a UTC date: `2022-04-14`.
 * @throws {Problem} 400, with what was expected.
 */
export function readDate(name: string, text: string): string {
  // PostgreSQL has no year 0; there are no readings of the year 1 either.
  if (date.test(text) && parseTime(text, utc) !== undefined) return text.replace(/^0000/, '0001');
  throw new Problem(400, `query ${name}: must be a date such as 2022-04-14, not ${JSON.stringify(text)}.`);
}

function readTime(name: string, text: string): Micros {
  // In a query a + that nobody has escaped means a space.
  const meant = text.replace(/ (?=\d\d(?::?\d\d)?$)/, '+');
  const time = date.test(meant) || offset.test(meant.slice(10)) ? parseTime(meant, utc) : undefined;
  if (time !== undefined) return time;
  throw new Problem(400, `query ${name}: must be ${TIME_FORM}, not ${JSON.stringify(text)}.`);
}

function clamp(time: Micros): Micros {
  return Math.min(Math.max(time, EARLIEST), LATEST);
}
