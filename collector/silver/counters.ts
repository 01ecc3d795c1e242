/**
 * What became of lines, and of the readings that they hold, in the order of the ledger:
 *
 * lines = understood + rejected + empty (understood, and without a reading, such as a status);
 * readings = stored + duplicates + conflicts + refused (cannot be stored, although the line is understood).
 *
 * A line of a plain message has one reading; other messages may have many.
 */
export const COUNTERS = [
  'lines',
  'understood',
  'rejected',
  'empty',
  'readings',
  'stored',
  'duplicates',
  'conflicts',
  'refused',
] as const;

export type Counters = Record<(typeof COUNTERS)[number], number>;

export function emptyCounters(): Counters {
  return {
    lines: 0,
    understood: 0,
    rejected: 0,
    empty: 0,
    readings: 0,
    stored: 0,
    duplicates: 0,
    conflicts: 0,
    refused: 0,
  };
}

/** Adds `more` to `sum`. */
export function addCounters(sum: Counters, more: Counters): void {
  for (const name of COUNTERS) sum[name] += more[name];
}

/** The counters alone, of whatever has them. */
export function countersOf(counted: Counters): Counters {
  const counters = emptyCounters();
  addCounters(counters, counted);
  return counters;
}
