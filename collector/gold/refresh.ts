import type { ClientBase } from 'pg';

/** Stale marks that one transaction takes; a long catch-up is refreshed in steps. */
const MARKS_AT_ONCE = 50_000;

/** Any constant will do, as long as every collector has the same. */
const REFRESH_LOCK = 5_813_402_117;

/**
 * What gold says of some readings, as SQL over a column `value` and the order of `time`. The values are added up in the
 * order of time, so that the same readings give the same mean to the last bit, whatever the order in which they came.
 *
 * avg() also adds up squares, and PostgreSQL makes an error of every overflow and underflow: one value beyond 1e154 would
 * stop the refresh of all sensors. Where there is one, the values are scaled by 2^-600, which changes no digit, and those
 * that are nothing beside it count as zero.
 */
export const meanColumns = `
  CASE WHEN max(abs(value)) < 1e150
    THEN avg(value ORDER BY time) FILTER (WHERE abs(value) < 1e150)
    ELSE least(1.7976931348623157e308 * ${2 ** -600}, greatest(-1.7976931348623157e308 * ${2 ** -600},
      coalesce(sum(value * ${2 ** -600} ORDER BY time) FILTER (WHERE abs(value) >= 1e-100), 0) / count(*)
    )) / ${2 ** -600}
  END AS val_mean, min(value) AS val_min, max(value) AS val_max, count(*) AS n`;

/** Makes the table in which a refresh notes its minutes; private to the connection. */
export async function prepareRefresh(client: ClientBase): Promise<void> {
  await client.query(
    `CREATE TEMP TABLE IF NOT EXISTS refreshed_minute (bucket timestamptz, sensor_id varchar(50)) ON COMMIT DELETE ROWS`,
  );
}

/**
 * Recomputes the means of the minutes that loads have touched, and of no others.
 *
 * The marks are deleted first and the minutes aggregated in a later statement, whose snapshot holds every row that a
 * deleted mark stands for. A mark that the delete does not see belongs to a load that it does not see; the next refresh
 * has both. (test/collector/gold/refresh.test.ts, "a load during a refresh")
 * @returns how many minutes were recomputed; undefined when another collector is refreshing.
 */
export async function refreshStaleMinutes(client: ClientBase): Promise<number | undefined> {
  let minutes = 0;
  for (;;) {
    const step = await refreshStep(client);
    if (step === undefined) return undefined;
    minutes += step.minutes;
    if (step.marks < MARKS_AT_ONCE) return minutes;
  }
}

async function refreshStep(client: ClientBase): Promise<{ marks: number; minutes: number } | undefined> {
  await client.query('BEGIN');
  try {
    const lock = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS taken', [
      REFRESH_LOCK,
    ]);
    if (!lock.rows[0]!.taken) {
      await client.query('ROLLBACK');
      return undefined;
    }
    const taken = await client.query<{ marks: string }>(
      `WITH taken AS (
         DELETE FROM gold.stale_minute WHERE ctid = ANY (ARRAY(SELECT ctid FROM gold.stale_minute LIMIT $1))
         RETURNING bucket, sensor_id
       ), noted AS (
         INSERT INTO refreshed_minute SELECT DISTINCT bucket, sensor_id FROM taken
       )
       SELECT count(*) AS marks FROM taken`,
      [MARKS_AT_ONCE],
    );
    const marks = Number(taken.rows[0]!.marks);
    const minutes = marks === 0 ? 0 : await recompute(client);
    await client.query('COMMIT');
    return { marks, minutes };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function recompute(client: ClientBase): Promise<number> {
  await client.query('ANALYZE refreshed_minute');
  const upserted = await client.query(
    `INSERT INTO gold.reading_1min_mean AS g (bucket, sensor_id, val_mean, val_min, val_max, n)
     SELECT m.bucket, m.sensor_id, r.val_mean, r.val_min, r.val_max, r.n
     FROM refreshed_minute m
     CROSS JOIN LATERAL (
       SELECT ${meanColumns}
       FROM silver.sensor_reading
       WHERE sensor_id = m.sensor_id AND time >= m.bucket AND time < m.bucket + INTERVAL '1 minute' AND quality = 'valid'
     ) r
     WHERE r.n > 0
     ON CONFLICT (bucket, sensor_id) DO UPDATE
     SET val_mean = excluded.val_mean, val_min = excluded.val_min, val_max = excluded.val_max, n = excluded.n`,
  );
  const emptied = await client.query(
    `DELETE FROM gold.reading_1min_mean g USING refreshed_minute m
     WHERE g.bucket = m.bucket AND g.sensor_id = m.sensor_id AND NOT EXISTS (
       SELECT FROM silver.sensor_reading
       WHERE sensor_id = m.sensor_id AND time >= m.bucket AND time < m.bucket + INTERVAL '1 minute' AND quality = 'valid'
     )`,
  );
  return (upserted.rowCount ?? 0) + (emptied.rowCount ?? 0);
}
