/** Microseconds since 1970-01-01T00:00:00Z; exact in a double until the year 2255. */
export type Micros = number;

/** The wall clock of SENSOR_TIMEZONE, for a `dt` that names no offset. */
export interface Zone {
  /** Microseconds to subtract from a wall time, read as if it were UTC, to get the instant. */
  offsetAt(wall: Micros): number;
}

const MINUTE = 60_000_000;

const utc: Zone = { offsetAt: () => 0 };

/**
 * A zone of the IANA database. A wall time that occurs twice (clocks go back) means the earlier instant; one that
 * never occurs (clocks go forward) is moved forward by the gap, as Temporal's "compatible" does.
 */
export function zoneOf(name: string): Zone {
  if (/^(?:Etc\/)?(?:UTC|GMT|UCT|Zulu)$/i.test(name)) return utc;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const offsetAtInstant = (instant: Micros): number => {
    const at: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(instant / 1000)) at[type] = Number(value);
    const wall = Date.UTC(at.year!, at.month! - 1, at.day!, at.hour!, at.minute!, at.second!) * 1000;
    return wall - Math.floor(instant / 1_000_000) * 1_000_000;
  };
  // No zone changes its offset within a minute of wall time (St. John's did at one past midnight), and asking Intl is slow.
  let cachedMinute = Number.NaN;
  let cachedOffset = 0;
  return {
    offsetAt(wall) {
      const minute = Math.floor(wall / MINUTE);
      if (minute !== cachedMinute) {
        // The offset before a transition makes the earlier instant of two, and moves a skipped wall time forward.
        const before = offsetAtInstant(wall - 24 * 60 * MINUTE);
        const there = offsetAtInstant(wall - before);
        cachedOffset = there === before || offsetAtInstant(wall - there) !== there ? before : there;
        cachedMinute = minute;
      }
      return cachedOffset;
    },
  };
}

const pattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?)?)?$/;
const daysInMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Reads an ISO 8601 date and time: `2025-11-12T10:15:01.123456+01:00`, seconds, fraction and offset optional, a space
 * in place of the T allowed, a date alone meaning its midnight. Digits beyond the microsecond are cut off; second 60
 * (a leap second) is the first of the next minute.
 * @returns undefined when it is no such time.
 */
export function parseTime(text: string, zone: Zone): Micros | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [
    ,
    year,
    month,
    day,
    hour = '0',
    minute = '0',
    second = '0',
    fraction = '',
    z,
    sign,
    offHours,
    offMinutes = '0',
  ] = match;
  const y = Number(year);
  const mo = Number(month);
  const d = Number(day);
  if (mo < 1 || mo > 12 || d < 1 || d > daysInMonth[mo - 1]!) return undefined;
  if (mo === 2 && d === 29 && (y % 4 !== 0 || (y % 100 === 0 && y % 400 !== 0))) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  // setUTCFullYear, as Date.UTC takes the years 0 to 99 for 1900 to 1999.
  const midnight = new Date(0).setUTCFullYear(y, mo - 1, d);
  const wall =
    (midnight + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000) * 1000 +
    Number(fraction.padEnd(6, '0').slice(0, 6));
  if (z !== undefined) return wall;
  if (sign === undefined) return wall - zone.offsetAt(wall);
  if (Number(offHours) > 23 || Number(offMinutes) > 59) return undefined;
  const offset = (Number(offHours) * 60 + Number(offMinutes)) * MINUTE;
  return sign === '-' ? wall + offset : wall - offset;
}

const pad6 = (n: number) => String(n).padStart(6, '0');

/** `2025-11-12T10:15:01.123456Z`: what PostgreSQL reads back as the same instant. */
export function formatTime(time: Micros): string {
  const seconds = Math.floor(time / 1_000_000);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${pad6(time - seconds * 1_000_000)}Z`;
}

const DAY = 86_400_000_000;
let cachedDay = Number.NaN;
let cachedDate = '';

/** The UTC date of an instant: `2025-11-12`. */
export function utcDate(time: Micros): string {
  const day = Math.floor(time / DAY);
  if (day !== cachedDay) {
    cachedDay = day;
    cachedDate = new Date(day * 86_400_000).toISOString().slice(0, 10);
  }
  return cachedDate;
}
