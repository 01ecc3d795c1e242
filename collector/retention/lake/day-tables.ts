import type { ClientBase } from 'pg';
import Cursor from 'pg-cursor';
import { type Cell, type ParquetColumn, ParquetFile } from '../../../base/parquet-file.ts';
import { RawFileName } from '../../bronze/raw-file-name.ts';
import { keyOfEntry } from '../../silver/ledger.ts';
import { archiveKeyOf, type DayTable } from './lake-key.ts';

/*
 * What only the database knows of a day of readings, and no line says: which of two values came first, what the registry of that
 * moment made of a reading, what a refresh has judged, how often a reading came again. Everything else of silver and gold
 * follows from the decoded files.
 */

interface Table {
  columns: readonly ParquetColumn[];
  /** $1 and $2 are the begin and the end of the day. */
  query: string;
  /** What the rows of the query become. */
  rowOf?: (row: Cell[]) => Cell[];
}

const micros = (time: string) => `(extract(epoch FROM ${time}) * 1000000)::float8`;

/** In silver what a reading is besides sensor, time and value; `time` NULL: all of a sensor's day that are not named. */
const FLAGS: Table = {
  columns: [
    { name: 'sensor_id', kind: 'text' },
    { name: 'time', kind: 'time', optional: true },
    { name: 'quality', kind: 'text' },
    { name: 'late', kind: 'flag' },
    { name: 'stuck', kind: 'flag' },
    { name: 'jump', kind: 'flag' },
    { name: 'inexact', kind: 'flag' },
  ],
  query: `
    WITH usual AS MATERIALIZED (
      SELECT DISTINCT ON (sensor_id) sensor_id, quality
      FROM (
        SELECT sensor_id, quality, count(*) AS n FROM silver.sensor_reading WHERE time >= $1 AND time < $2 GROUP BY 1, 2
      ) q ORDER BY sensor_id, n DESC, quality
    )
    SELECT sensor_id, NULL, quality, false, false, false, false FROM usual WHERE quality <> 'valid'
    UNION ALL
    SELECT sensor_id, ${micros('time')}, r.quality, late, stuck, jump, inexact
    FROM silver.sensor_reading r JOIN usual u USING (sensor_id)
    WHERE time >= $1 AND time < $2 AND (r.quality <> u.quality OR late OR stuck OR jump OR inexact)
    ORDER BY 1, 2 NULLS FIRST`,
};

/** Readings of lines that are not in silver: their key was taken by another value, or the database refused them. */
const UNSTORED: Table = {
  columns: [
    { name: 'object', kind: 'text' },
    { name: 'byte_offset', kind: 'whole' },
    { name: 'reading', kind: 'whole' },
    { name: 'sensor_id', kind: 'text' },
    { name: 'time', kind: 'time' },
    { name: 'value', kind: 'double', optional: true },
    { name: 'stored_value', kind: 'double', optional: true },
  ],
  // What silver has meanwhile, as after the other line was corrected, is none any more.
  query: `
    SELECT c.collector, c.path, f.archive_key, byte_offset::float8, reading::float8, c.sensor_id, ${micros('c.time')} AS at,
      conflicting_value, s.value
    FROM silver.conflicting_reading c JOIN bronze.raw_file f USING (collector, path)
    LEFT JOIN silver.sensor_reading s ON s.sensor_id = c.sensor_id AND s.time = c.time
    WHERE c.time >= $1 AND c.time < $2 AND s.value IS DISTINCT FROM conflicting_value
    UNION ALL
    SELECT r.collector, r.path, f.archive_key, byte_offset::float8, reading::float8, r.sensor_id, ${micros('r.time')}, NULL, NULL
    FROM silver.rejected_line r JOIN bronze.raw_file f USING (collector, path)
    WHERE r.time >= $1 AND r.time < $2 AND reading > 0 AND reason LIKE 'SQLSTATE %'
    ORDER BY sensor_id, at, byte_offset`,
  rowOf: ([collector, path, key, ...rest]) => [key ?? yetToCopy(String(collector), String(path)), ...rest],
};

/** What a minute of gold.data_quality_1min counts besides stored readings: a row for minutes that follow each other and are alike. */
const MINUTES: Table = {
  columns: [
    { name: 'sensor_id', kind: 'text' },
    { name: 'bucket', kind: 'time' },
    { name: 'minutes', kind: 'whole' },
    // A decimal number: it has more digits than a double.
    { name: 'expected', kind: 'text', optional: true },
    { name: 'rejected', kind: 'whole' },
    { name: 'duplicates', kind: 'whole' },
    { name: 'conflicts', kind: 'whole' },
  ],
  query: `
    SELECT sensor_id, ${micros('min(bucket)')}, count(*)::float8, expected::text, rejected::float8, duplicates::float8,
      conflicts::float8
    FROM (
      SELECT sensor_id, bucket, expected, rejected, duplicates, conflicts, bucket - INTERVAL '1 minute' * row_number() OVER (
        PARTITION BY sensor_id, expected, rejected, duplicates, conflicts ORDER BY bucket
      ) AS island
      FROM gold.data_quality_1min
      WHERE bucket >= $1 AND bucket < $2 AND (expected IS NOT NULL OR rejected > 0 OR duplicates > 0 OR conflicts > 0)
    ) minute
    GROUP BY sensor_id, expected, rejected, duplicates, conflicts, island ORDER BY 1, 2`,
};

const tables: Record<DayTable, Table> = { flags: FLAGS, unstored: UNSTORED, minutes: MINUTES };

/** The registry as it is: names and units for what the lake has. */
const REGISTRY: Table = {
  columns: [
    { name: 'sensor_id', kind: 'text' },
    ...['name', 'quantity', 'unit', 'location', 'topic'].map(
      (name): ParquetColumn => ({ name, kind: 'text', optional: true }),
    ),
    ...['min_value', 'max_value', 'max_step_per_s', 'expected_interval_s', 'max_stuck_s'].map(
      (name): ParquetColumn => ({ name, kind: 'double', optional: true }),
    ),
    { name: 'attributes', kind: 'text' },
  ],
  query: `
    SELECT sensor_id, name, quantity, unit, location, topic, min_value, max_value, max_step_per_s,
      extract(epoch FROM expected_interval)::float8, extract(epoch FROM max_stuck)::float8, attributes::text
    FROM silver.sensor ORDER BY sensor_id`,
};

const BATCH_ROWS = 10_000;

/** Writes a table of a UTC date as a Parquet file. @returns its rows. */
export function writeDayTable(
  client: ClientBase,
  table: DayTable,
  date: string,
  path: string,
): Promise<number> {
  const end = new Date(Date.parse(date) + 86_400_000).toISOString().slice(0, 10);
  return write(client, tables[table], [`${date}T00:00:00Z`, `${end}T00:00:00Z`], path);
}

/** Writes the sensor registry as a Parquet file. @returns its rows. */
export function writeRegistry(client: ClientBase, path: string): Promise<number> {
  return write(client, REGISTRY, [], path);
}

async function write(
  client: ClientBase,
  { columns, query, rowOf = row => row }: Table,
  values: string[],
  path: string,
): Promise<number> {
  using file = new ParquetFile(path, columns);
  const cursor = client.query(new Cursor<Cell[]>(query, values, { rowMode: 'array' }));
  for (let isOver = false; !isOver; ) {
    const rows = await cursor.read(BATCH_ROWS);
    for (const row of rows) file.add(rowOf(row));
    isOver = rows.length === 0;
  }
  file.end();
  return file.rows;
}

/** The object that a file will be when it is copied. */
function yetToCopy(collector: string, path: string): string {
  const file = keyOfEntry(path);
  const name = RawFileName.ofKey(file);
  return name === undefined ? path : archiveKeyOf(collector, name.date, file);
}
