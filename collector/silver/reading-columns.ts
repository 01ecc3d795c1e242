import { formatTime, type Micros } from '../../base/time.ts';
import type { FoundSensor } from './found-sensors.ts';
import type { Quality } from './registry.ts';

/** A reading, ready for silver.sensor_reading. */
export interface Row {
  time: Micros;
  sensorId: string;
  value: number;
  quality: Quality;
  late: boolean;
  /** See `isInexact`. */
  inexact: boolean;
  /** Which reading of its line, from 1. */
  reading: number;
  /** What the registry lacks of its sensor. */
  found?: FoundSensor | undefined;
}

/** What a column holds, and what it is in TypeScript when it is read. A flag is false where nothing else is known. */
interface Kinds {
  /** ISO 8601 in UTC; with six digits of a second where it is not whole. */
  time: string;
  text: string;
  number: number;
  quality: Quality;
  flag: boolean;
}
export type ReadingKind = keyof Kinds;

interface ReadingColumn {
  name: string;
  kind: ReadingKind;
  /** Type in the staging table. */
  type: string;
  /** Its value in COPY's text format; undefined: the loader leaves the column to the refresh. */
  copy?: (row: Row) => string;
}

/**
 * The columns of silver.sensor_reading, in the order in which they are shown. COPY, staging, reads, output formats and the
 * API's schemas take theirs from here: a new column is a migration and a line, and for a value of the loader its place in `Row`.
 */
export const READING_COLUMNS = [
  { name: 'time', kind: 'time', type: 'timestamptz', copy: row => formatTime(row.time) },
  // Of what COPY gives a meaning to, a sensor id can hold only the backslash: it has no control characters.
  { name: 'sensor_id', kind: 'text', type: 'varchar', copy: row => row.sensorId.replaceAll('\\', '\\\\') },
  // The shortest text that reads back as the same double.
  { name: 'value', kind: 'number', type: 'float8', copy: row => String(row.value) },
  { name: 'quality', kind: 'quality', type: 'text', copy: row => row.quality },
  { name: 'late', kind: 'flag', type: 'boolean', copy: row => String(row.late) },
  { name: 'stuck', kind: 'flag', type: 'boolean' },
  { name: 'jump', kind: 'flag', type: 'boolean' },
  { name: 'inexact', kind: 'flag', type: 'boolean', copy: row => String(row.inexact) },
] as const satisfies ReadingColumn[];

const columns: readonly ReadingColumn[] = READING_COLUMNS;

/** A row of silver.sensor_reading, as it is read. */
export type StoredReading = {
  [Column in (typeof READING_COLUMNS)[number] as Column['name']]: Kinds[Column['kind']];
};

/** All columns, for a SELECT. */
export const readingColumnNames = READING_COLUMNS.map(({ name }) => name);

/** Those of the flags. */
export const readingFlags = READING_COLUMNS.filter(column => column.kind === 'flag').map(({ name }) => name);

const unflagged = columns.filter(({ copy, kind }) => copy !== undefined && kind !== 'flag');
const flags = columns.filter(({ copy, kind }) => copy !== undefined && kind === 'flag');
const loaded = [...unflagged, ...flags];

/** The columns that the loader writes, for COPY and INSERT, and as those of a table. */
export const loadedColumns = loaded.map(({ name }) => name).join(', ');
export const loadedColumnTypes = loaded.map(({ name, type }) => `${name} ${type} NOT NULL`).join(', ');

/** The columns of most rows, which have no flag: the rest is false by default. */
export const unflaggedColumns = unflagged.map(({ name }) => name).join(', ');

/** A row in COPY's text format with the columns of `unflaggedColumns`, without a line end. */
export function unflaggedText(row: Row): string {
  return textOf(unflagged, row);
}

/** A row in COPY's text format with the columns of `loadedColumns`, without a line end. */
export function loadedText(row: Row): string {
  return `${unflaggedText(row)}\t${textOf(flags, row)}`;
}

/** Whether a row says anything in the columns of the flags. */
export function isFlagged(row: Row): boolean {
  return flags.some(({ copy }) => copy!(row) === 'true');
}

function textOf(some: readonly ReadingColumn[], row: Row): string {
  let text = '';
  for (const { copy } of some) text += text === '' ? copy!(row) : `\t${copy!(row)}`;
  return text;
}
