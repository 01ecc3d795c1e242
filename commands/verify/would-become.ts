import type { ClientBase } from 'pg';
import { IS_READING } from './line-table.ts';

/** What loading lines would do. */
export interface WouldBecome {
  lines: number;
  stored: number;
  present: number;
  conflicts: number;
  rejected: number;
}

/**
 * What loading the lines of `audit_line`, all of one file, would do: how many silver lacks, has, or has with another value.
 * Rows in the temporary table `would_be_stored` count as silver's; those in `outdated` do not.
 */
export async function wouldBecome(client: ClientBase): Promise<WouldBecome> {
  const { rows } = await client.query<Record<keyof WouldBecome, string>>(
    `WITH firsts AS (
       SELECT l.*, first_value(l.value) OVER (PARTITION BY l.sensor_id, l.time ORDER BY l.line, l.reading) AS first_value,
         row_number() OVER (PARTITION BY l.sensor_id, l.time ORDER BY l.line, l.reading) AS nth
       FROM audit_line l
     ), judged AS (
       SELECT f.*, coalesce(s.value, w.value) AS silver_value, coalesce(s.value, w.value, f.first_value) AS kept_value
       FROM firsts f
       LEFT JOIN silver.sensor_reading s ON s.sensor_id = f.sensor_id AND s.time = f.time
        AND NOT EXISTS (SELECT FROM pg_temp.outdated o WHERE (o.sensor_id, o.time, o.value) = (s.sensor_id, s.time, s.value))
       LEFT JOIN would_be_stored w ON w.sensor_id = f.sensor_id AND w.time = f.time
     )
     SELECT count(*) FILTER (WHERE reading <= 1) AS lines,
       count(*) FILTER (WHERE ${IS_READING} AND silver_value IS NULL AND nth = 1) AS stored,
       count(*) FILTER (WHERE ${IS_READING} AND (silver_value IS NOT NULL OR nth > 1) AND kept_value = value) AS present,
       count(*) FILTER (WHERE ${IS_READING} AND kept_value <> value) AS conflicts,
       count(*) FILTER (WHERE reason IS NOT NULL) AS rejected
     FROM judged`,
  );
  const { lines, stored, present, conflicts, rejected } = rows[0]!;
  return {
    lines: Number(lines),
    stored: Number(stored),
    present: Number(present),
    conflicts: Number(conflicts),
    rejected: Number(rejected),
  };
}
