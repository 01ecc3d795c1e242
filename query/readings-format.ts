import { stringify } from 'csv-stringify/sync';
import type { Reading } from './readings.ts';

export type ReadingsFormat = 'ndjson' | 'csv' | 'table';

/** A reading with the unit of its sensor, in the order of the columns. */
type Row = Record<(typeof COLUMNS)[number], string | number | boolean | null>;

const COLUMNS = ['time', 'sensor_id', 'value', 'unit', 'quality', 'late', 'stuck', 'jump'] as const;

/**
 * Turns batches of readings into text, batch by batch.
 * @param unit of the sensor, from the registry; null: it is not there.
 */
export async function* formatReadings(
  batches: AsyncIterable<Reading[]>,
  format: ReadingsFormat,
  unit: string | null,
): AsyncGenerator<string> {
  const write = { ndjson, csv, table }[format]();
  for await (const batch of batches) yield write.rows(batch.map(reading => rowOf(reading, unit)));
  yield write.end();
}

function rowOf({ time, sensor_id, value, quality, late, stuck, jump }: Reading, unit: string | null): Row {
  return { time, sensor_id, value, unit, quality, late, stuck, jump };
}

function ndjson() {
  return { rows: (rows: Row[]) => rows.map(row => `${JSON.stringify(row)}\n`).join(''), end: () => '' };
}

/** RFC 4180 with a header line, which is there also when nothing follows. */
function csv() {
  let header = true;
  const rows = (some: Row[]) => {
    const text = stringify(some, { header, columns: [...COLUMNS], cast: { boolean: String } });
    header = false;
    return text;
  };
  return { rows, end: () => (header ? rows([]) : '') };
}

/** For people: columns as wide as the first batch needs, and a count at the end. */
function table() {
  let widths: number[] | undefined;
  let count = 0;
  const line = (cells: string[]) =>
    `${cells
      .map((cell, i) => (COLUMNS[i] === 'value' ? cell.padStart(widths![i]!) : cell.padEnd(widths![i]!)))
      .join('  ')
      .trimEnd()}\n`;
  const rows = (some: Row[]) => {
    const cells = some.map(row => COLUMNS.map(name => cellOf(row[name])));
    let head = '';
    if (widths === undefined) {
      widths = COLUMNS.map((name, i) =>
        cells.reduce((width, row) => Math.max(width, row[i]!.length), name.length),
      );
      head = line([...COLUMNS]) + line(widths.map(width => '-'.repeat(width)));
    }
    count += some.length;
    return head + cells.map(line).join('');
  };
  const end = () =>
    `${widths === undefined ? rows([]) : ''}(${count} ${count === 1 ? 'reading' : 'readings'})\n`;
  return { rows, end };
}

/** Flags are rare: a column of "false" would hide the one that is not. */
function cellOf(value: Row[keyof Row]): string {
  return value === true ? 'yes' : value === false || value === null ? '' : String(value);
}
