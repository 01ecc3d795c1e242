/** Microseconds since 1970-01-01T00:00:00Z; exact in a double until the year 2255. */
export type Micros = number;

/** The wall clock of SENSOR_TIMEZONE, for a `dt` that names no offset. */
export interface Zone {
  /** Microseconds to subtract from a wall time, read as if it were UTC, to get the instant; the earlier one of two. */
  offsetAt(wall: Micros): number;
  /** The same for the later instant of a wall time that occurs twice. */
  laterOffsetAt(wall: Micros): number;
}

const MINUTE = 60_000_000;
const HOUR = 3_600_000_000;
const DAY = 24 * HOUR;

/** Where wall time is UTC. */
export const utc: Zone = { offsetAt: () => 0, laterOffsetAt: () => 0 };

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
  let earlier = 0;
  let later = 0;
  const look = (wall: Micros) => {
    const minute = Math.floor(wall / MINUTE);
    if (minute === cachedMinute) return;
    cachedMinute = minute;
    // The offset before a transition makes the earlier instant of two, and moves a skipped wall time forward.
    const before = offsetAtInstant(wall - 24 * 60 * MINUTE);
    const there = offsetAtInstant(wall - before);
    earlier = there === before || offsetAtInstant(wall - there) !== there ? before : there;
    const after = offsetAtInstant(wall + 24 * 60 * MINUTE);
    later = offsetAtInstant(wall - after) === after ? after : earlier;
  };
  return {
    offsetAt(wall) {
      look(wall);
      return earlier;
    },
    laterOffsetAt(wall) {
      look(wall);
      return later;
    },
  };
}

const offset = '(?: ?(?:([Zz]|UTC|GMT)|([+-])(\\d\\d)(?::?(\\d\\d))?))?';
const extended = new RegExp(
  `^(\\d{4})-(\\d\\d)-(\\d\\d)(?:[Tt ](\\d\\d):(\\d\\d)(?::(\\d\\d)(?:[.,](\\d+))?)?${offset})?$`,
);
const basic = new RegExp(
  `^(\\d{4})(\\d\\d)(\\d\\d)[Tt](\\d\\d)(\\d\\d)(?:(\\d\\d)(?:[.,](\\d+))?)?${offset}$`,
);
const daysInMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** UTC days that ended in a leap second, since 2000. None is announced; a new one would be added here. */
const leapDays = ['2005-12-31', '2008-12-31', '2012-06-30', '2015-06-30', '2016-12-31'].map(
  day => Date.parse(day) / 86_400_000,
);

/**
 * Reads an ISO 8601 date and time: `2025-11-12T10:15:01.123456+01:00`; seconds, fraction and offset optional, a space
 * in place of the T allowed, a date alone meaning its midnight. Also the basic form (`20251112T101501Z`), ` UTC` and ` GMT`
 * for Z, and 24:00 for the midnight that follows. Digits beyond the microsecond are cut off.
 *
 * Second 60 is taken where there was a leap second, and squeezed into the millisecond before the next minute, so that it is
 * a time of its own.
 * @param near where the clocks of the zone showed a time twice, the instant nearer to this one is meant; without it, the earlier.
 * @returns undefined when it is no such time.
 */
export function parseTime(text: string, zone: Zone, near?: Micros): Micros | undefined {
  const usual = usualTime(text);
  if (usual !== undefined) return usual;
  const match = extended.exec(text) ?? basic.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', ...designator] = match;
  const midnight = midnightOf(Number(year), Number(month), Number(day));
  if (midnight === undefined || !isClockTime(Number(hour), Number(minute), Number(second), fraction))
    return undefined;
  const micros = Number(fraction.padEnd(6, '0').slice(0, 6));
  const minutes = Number(hour) * 60 + Number(minute);
  if (second === '60') {
    const next = instantOf(midnight + (minutes + 1) * MINUTE, designator, zone, near);
    const isLeap = next !== undefined && next % DAY === 0 && leapDays.includes(next / DAY - 1);
    return isLeap ? next - 1000 + Math.floor(micros / 1000) : undefined;
  }
  return instantOf(midnight + minutes * MINUTE + Number(second) * 1_000_000 + micros, designator, zone, near);
}

let usualDay = 0;
let usualMidnight: Micros = 0;

/** A time in the form that most have, `2025-11-12T10:15:01Z` with or without a fraction, at a fifth of the cost; undefined: look closer. */
function usualTime(text: string): Micros | undefined {
  const length = text.length;
  if (length < 20 || length > 27 || text[length - 1] !== 'Z' || text[10] !== 'T') return undefined;
  if (text[4] !== '-' || text[7] !== '-' || text[13] !== ':' || text[16] !== ':') return undefined;
  const day = (two(text, 0) * 100 + two(text, 2)) * 10_000 + two(text, 5) * 100 + two(text, 8);
  if (day !== usualDay) {
    const midnight = midnightOf(Math.floor(day / 10_000), Math.floor(day / 100) % 100, day % 100);
    if (midnight === undefined || Number.isNaN(day)) return undefined;
    usualDay = day;
    usualMidnight = midnight;
  }
  const [hour, minute, second] = [two(text, 11), two(text, 14), two(text, 17)];
  if (!(hour < 24 && minute < 60 && second < 60)) return undefined;
  let micros = 0;
  if (length > 20) {
    if (text[19] !== '.' || length === 21) return undefined;
    for (let at = 20; at < 26; at++) {
      const digit = at < length - 1 ? text.charCodeAt(at) - 48 : 0;
      if (!(digit >= 0 && digit <= 9)) return undefined;
      micros = micros * 10 + digit;
    }
  }
  return usualMidnight + ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros;
}

/** The number that two digits make; NaN where they are not digits. */
function two(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** Midnight of a date, in microseconds, as if it were in UTC; undefined where there is no such day. */
function midnightOf(year: number, month: number, day: number): Micros | undefined {
  if (!(month >= 1 && month <= 12) || day < 1 || day > daysInMonth[month - 1]!) return undefined;
  if (month === 2 && day === 29 && (year % 4 !== 0 || (year % 100 === 0 && year % 400 !== 0)))
    return undefined;
  // setUTCFullYear, as Date.UTC takes the years 0 to 99 for 1900 to 1999.
  return new Date(0).setUTCFullYear(year, month - 1, day) * 1000;
}

function isClockTime(hour: number, minute: number, second: number, fraction: string): boolean {
  if (hour === 24) return minute === 0 && second === 0 && !/[1-9]/.test(fraction);
  return hour < 24 && minute < 60 && second < 61;
}

/** The instant of a wall time, by its designator (Z, or sign, hours and minutes) or else by the zone. */
function instantOf(
  wall: Micros,
  [z, sign, hours, minutes = '0']: readonly (string | undefined)[],
  zone: Zone,
  near: Micros | undefined,
): Micros | undefined {
  if (z !== undefined) return wall;
  if (sign === undefined) {
    const earlier = wall - zone.offsetAt(wall);
    if (near === undefined) return earlier;
    const later = wall - zone.laterOffsetAt(wall);
    return Math.abs(later - near) < Math.abs(earlier - near) ? later : earlier;
  }
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * MINUTE;
  return sign === '-' ? wall + offset : wall - offset;
}

const pad6 = (n: number) => String(n).padStart(6, '0');
const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));

let cachedMinute = Number.NaN;
let cachedToMinute = '';

/** `2025-11-12T10:15:01.123456Z`: what PostgreSQL reads back as the same instant. */
export function formatTime(time: Micros): string {
  // Readings that come together are mostly of one minute, and asking Date for each takes three times as long.
  const minute = Math.floor(time / MINUTE);
  if (minute !== cachedMinute) {
    cachedMinute = minute;
    cachedToMinute = new Date(minute * 60_000).toISOString().slice(0, 17);
  }
  const micros = time - minute * MINUTE;
  const second = Math.floor(micros / 1_000_000);
  return `${cachedToMinute}${twoDigits[second]}.${pad6(micros - second * 1_000_000)}Z`;
}

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

/** The UTC hour of a time: `2025-11-12T10`. */
export function utcHour(time: Micros): string {
  const hour = Math.floor((time - Math.floor(time / DAY) * DAY) / HOUR);
  return `${utcDate(time)}T${String(hour).padStart(2, '0')}`;
}
