import type { ClientBase } from 'pg';

/**
 * Removes what was kept of the lines of a file that could not be stored, or conflicted: they are decoded anew, and what is
 * wrong with them now is kept then. A role that may not remove it leaves it there.
 * @param bytes up to where the lines are decoded anew.
 */
export async function forgetRejections(
  client: ClientBase,
  collector: string,
  path: string,
  bytes: number,
): Promise<void> {
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT bool_and(has_table_privilege(t, 'DELETE')) AS may
     FROM unnest(ARRAY['silver.rejected_line', 'silver.conflicting_reading']) t`,
  );
  if (!rows[0]!.may) return;
  await client.query(
    `WITH rejected AS (
       DELETE FROM silver.rejected_line WHERE collector = $1 AND path = $2 AND byte_offset < $3 RETURNING sensor_id, time
     ), conflicting AS (
       DELETE FROM silver.conflicting_reading WHERE collector = $1 AND path = $2 AND byte_offset < $3 RETURNING sensor_id, time
     )
     INSERT INTO sluice.stale_minute (bucket, sensor_id)
     SELECT DISTINCT date_trunc('minute', time, 'UTC'), sensor_id FROM (TABLE rejected UNION ALL TABLE conflicting) gone
     WHERE time IS NOT NULL AND sensor_id IS NOT NULL`,
    [collector, path, bytes],
  );
}
