/** Numbers and times as words for people. */

const plain = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });
const rough = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3, notation: 'compact' });
const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** A value as a sensor sent it. */
export function number(value) {
  return Math.abs(value) >= 1e9 || (value !== 0 && Math.abs(value) < 1e-4)
    ? value.toExponential(3)
    : plain.format(value);
}

/** How many, in about three digits. */
export function amount(value) {
  return value < 10 ? String(Math.round(value * 10) / 10) : rough.format(value);
}

/** How long, in its largest unit. */
export function duration(seconds) {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** A size, in bytes. */
export function bytes(count) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) {
    count /= 1000;
    unit++;
  }
  return `${count < 10 && unit > 0 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

/** A time of day; `seconds` since 1970. */
export function clock(seconds) {
  return minute.format(seconds * 1000);
}
