import type { ClientBase } from 'pg';

/*
 * Rows and a checksum of a table and UTC day, as lake/duckdb/checks.sql and lake/spark/checks.sql reckon them: the sum of a hash of
 * each row, so in no order. The hash are the first 60 bits of the MD5 of its columns as text; a double is told by its 64 bits.
 */

const bits = (column: string) => `('x' || encode(float8send(${column}), 'hex'))::bit(64)::bigint`;
const micros = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

const mean = `concat_ws('|', ${micros('bucket')}, ${bits('val_mean')}, ${bits('val_min')}, ${bits('val_max')}, n, sensor_id)`;
const quality = `concat_ws('|', ${micros('bucket')}, coalesce(expected::numeric(30,12)::text, ''), received, valid, out_of_range,
  unknown, rejected, duplicates, conflicts, late, stuck, jumps, coalesce(score::numeric(5,1)::text, ''), sensor_id)`;

/** The tables that are compared: the column of their time, and a row as text. */
export const CHECKED_TABLES: Readonly<Record<string, { time: string; text: string }>> = {
  'silver.sensor_reading': {
    time: 'time',
    text: `concat_ws('|', ${micros('time')}, ${bits('value')}, quality, late::int, stuck::int, jump::int, inexact::int, sensor_id)`,
  },
  'gold.reading_1min_mean': { time: 'bucket', text: mean },
  'gold.hourly_mean': { time: 'bucket', text: mean },
  'gold.daily_mean': { time: 'bucket', text: mean },
  'gold.data_quality_1min': { time: 'bucket', text: quality },
  'gold.data_quality_hourly': { time: 'bucket', text: quality },
  'gold.data_quality_daily': { time: 'bucket', text: quality },
};

/** What a table has of a UTC day. */
export interface DayCheck {
  day: string;
  table: string;
  rows: number;
  /** A whole number, in decimal digits. */
  checksum: string;
}

/** Reckons what PostgreSQL has of a day, table by table. */
export async function checkDay(client: ClientBase, day: string): Promise<DayCheck[]> {
  const end = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
  const checks: DayCheck[] = [];
  for (const [table, { time, text }] of Object.entries(CHECKED_TABLES)) {
    const { rows } = await client.query<{ rows: number; checksum: string }>(
      `SELECT count(*)::float8 AS rows, coalesce(sum(('x' || substr(md5(${text}), 1, 15))::bit(60)::bigint), 0)::text AS checksum
       FROM ${table} WHERE ${time} >= $1 AND ${time} < $2`,
      [`${day}T00:00:00Z`, `${end}T00:00:00Z`],
    );
    checks.push({ day, table, ...rows[0]! });
  }
  return checks;
}
