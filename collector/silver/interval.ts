/** Microseconds in each unit that the registry file knows, smallest first. */
const units = { us: 1, ms: 1e3, s: 1e6, min: 60e6, h: 3_600e6, d: 86_400e6 };
type Unit = keyof typeof units;

const spelling = /^(\d+\.?\d*|\.\d+)\s*(us|µs|μs|ms|s|min|h|d)?$/;
// Months and years have no length of their own, so they are not among them.
const iso8601 = /^P(?=.)(?:([\d.]+)W)?(?:([\d.]+)D)?(?:T(?=.)(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?$/;

/** As many microseconds as a double counts exactly: 285 years. */
const MOST = Number.MAX_SAFE_INTEGER;

/**
 * Reads an interval: a number with a unit (`1s`, `500ms`, `5min`, `2h`, `1d`), seconds where it has none, or ISO 8601
 * (`PT5M`). PostgreSQL reads what comes of it.
 * @returns its shortest spelling; undefined where it is not one, is zero or is longer than 285 years.
 */
export function parseInterval(text: string): string | undefined {
  const micros = microsOf(text.trim());
  return micros === undefined || micros <= 0 || micros > MOST ? undefined : formatInterval(micros);
}

/** Spells an interval by the largest unit of which it is a whole number. @param micros whole microseconds. */
export function formatInterval(micros: number): string {
  const names = Object.keys(units) as Unit[];
  const unit = names.findLast(name => micros % units[name] === 0)!;
  return `${micros / units[unit]}${unit}`;
}

function microsOf(text: string): number | undefined {
  const [, number, unit] = spelling.exec(text) ?? [];
  if (number !== undefined) return Math.round(Number(number) * units[nameOf(unit)]);
  const parts = iso8601.exec(text)?.slice(1);
  if (parts === undefined) return undefined;
  const [weeks, days, hours, minutes, seconds] = parts.map(part => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const micros = (7 * weeks + days) * units.d + hours * units.h + minutes * units.min + seconds * units.s;
  return Number.isNaN(micros) ? undefined : Math.round(micros);
}

function nameOf(unit: string | undefined): Unit {
  if (unit === undefined) return 's';
  return unit.endsWith('s') && unit.length === 2 && unit !== 'ms' ? 'us' : (unit as Unit);
}
