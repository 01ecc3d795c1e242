import { MINUTES_A_DAY } from './day.ts';

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 5 });
const count = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeZone: 'UTC' });

/** A measured value, to five digits; very large and very small ones as powers of ten. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e9 || size < 1e-4)) return value.toExponential(2).replace('e+', 'e');
  return number.format(value).replace('-', '−');
}

/** How many: `86,400`. */
export function countText(n: number): string {
  return count.format(n);
}

/** `3 gaps`, `1 gap`. */
export function countOf(n: number, one: string, many = `${one}s`): string {
  return `${countText(n)} ${n === 1 ? one : many}`;
}

/** A score from 0 to 100, rounded as in gold: `99.8`. */
export function scoreText(score: number | null): string {
  return score === null ? '–' : score.toFixed(1);
}

/** A moment of the day in minutes from its beginning: `07:30`; its end is `24:00`. */
export function timeText(minute: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

/** `2 h 5 min`. */
export function minutesText(minutes: number): string {
  if (minutes === MINUTES_A_DAY) return 'the whole day';
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return [hours > 0 && `${hours} h`, (rest > 0 || hours === 0) && `${rest} min`].filter(Boolean).join(' ');
}

/** `Wednesday, 12 November 2025`. @param day UTC, such as 2025-11-12. */
export function dateText(day: string): string {
  return date.format(new Date(`${day}T00:00:00Z`)).replace(/^(\w+) /, '$1, ');
}

/** The UTC day before a moment: `2025-11-12`. */
export function dayBefore(moment: Date): string {
  return new Date(moment.getTime() - 86_400_000).toISOString().slice(0, 10);
}
