/** Numbers and times as words for people. */

const KEY = 'sluice-zone';
const plain = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });
const rough = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3, notation: 'compact' });

/** In which zone times are shown: "local" or "utc". One choice for all pages. */
export function zone() {
  return localStorage.getItem(KEY) === 'utc' ? 'utc' : 'local';
}

export function setZone(name) {
  localStorage.setItem(KEY, name);
}

/** A value as a sensor sent it. */
export function number(value) {
  return Math.abs(value) >= 1e9 || (value !== 0 && Math.abs(value) < 1e-4)
    ? value.toExponential(3)
    : plain.format(value);
}

/** A value with its unit. */
export function measured(value, unit) {
  return unit ? `${number(value)} ${unit}` : number(value);
}

/** How many, in about three digits. */
export function amount(value) {
  return value < 10 ? String(Math.round(value * 10) / 10) : rough.format(value);
}

/** How many, exactly. */
export function count(value) {
  return value.toLocaleString();
}

/** How long, in its largest unit. */
export function duration(seconds) {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** A size, in bytes. */
export function bytes(size) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${size < 10 && unit > 0 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** A moment with its date; `ms` since 1970. */
export function moment(ms) {
  const isUtc = zone() === 'utc';
  const options = { dateStyle: 'medium', timeStyle: 'medium', ...(isUtc && { timeZone: 'UTC' }) };
  return `${new Intl.DateTimeFormat(undefined, options).format(ms)}${isUtc ? ' UTC' : ''}`;
}

/** Writes only what differs: the browser lays out again what is written. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
