import type { ClientBase } from 'pg';
import { cheapMeanColumns } from './means.ts';
import { isOf } from './planner.ts';
import { counts, storedCounts } from './quality.ts';
import type { Span } from './spans.ts';

/** Makes the table in which a refresh notes what there is of each refreshed minute; private to the connection. */
export async function prepareSummary(client: ClientBase): Promise<void> {
  await client.query(
    `CREATE TEMP TABLE IF NOT EXISTS minute_summary (
       bucket timestamptz, sensor_id text, silent boolean,
       val_mean double precision, val_min double precision, val_max double precision,
       ${counts.map(count => `${count} bigint`)}
     ) ON COMMIT DELETE ROWS`,
  );
}

/**
 * Notes what there is of the refreshed minutes of a span: mean and extremes of the valid readings, and how much came of
 * what kind. Means and quality are both made of this, so that a reading is read once.
 */
export async function summarizeMinutes(client: ClientBase, { from, to }: Span): Promise<void> {
  const inMinute = `time >= m.bucket AND time < m.bucket + INTERVAL '1 minute'`;
  const readings = `silver.sensor_reading WHERE ${isOf('m.sensor_id')} AND ${inMinute} AND time >= $1 AND time < $2`;
  const columns = ['val_mean', 'val_min', 'val_max', ...counts];
  await client.query(
    `INSERT INTO minute_summary (bucket, sensor_id, silent, ${columns})
     SELECT m.bucket, m.sensor_id, m.silent, ${columns}
     FROM refreshed_minute m
     CROSS JOIN LATERAL (
       SELECT ${cheapMeanColumns(`${readings} AND quality = 'valid'`)}, ${storedCounts}
       FROM (
         SELECT time, CASE WHEN quality = 'valid' THEN value END AS value, quality, late, stuck, jump
         FROM ${readings} ORDER BY time
       ) r
     ) stored
     CROSS JOIN LATERAL (
       SELECT count(*) AS rejected FROM silver.rejected_line WHERE sensor_id = m.sensor_id AND ${inMinute}
     ) r
     CROSS JOIN LATERAL (
       SELECT count(*) AS conflicts FROM silver.conflicting_reading WHERE sensor_id = m.sensor_id AND ${inMinute}
     ) c
     CROSS JOIN LATERAL (
       SELECT coalesce(sum(n), 0)::bigint AS duplicates FROM silver.duplicate_minute
       WHERE sensor_id = m.sensor_id AND bucket = m.bucket
     ) d
     WHERE m.bucket >= $1 AND m.bucket < $2`,
    [from, to],
  );
}
