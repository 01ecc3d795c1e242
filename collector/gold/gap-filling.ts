import type { ClientBase } from 'pg';
import { KEPT_SINCE } from '../silver/kept-since.ts';

/**
 * How far one refresh fills at most: 6 hours, and so many minutes of all sensors together. A long stop is caught up by
 * several refreshes, and a clock that was set years ahead does not fill the disk before somebody sets it right.
 */
const MINUTES_A_SENSOR = 360;
const MINUTES_AT_ONCE = 100_000;

/** The sensors that are expected to send and have been seen, as what follows FROM. */
const EXPECTED = `
  (SELECT sensor_id FROM silver.sensor WHERE expected_interval IS NOT NULL) s
  CROSS JOIN LATERAL (SELECT seen_at FROM silver.seen_sensor WHERE sensor_id = s.sensor_id LIMIT 1) seen`;

/**
 * Adds the minutes that no load has marked to the refreshed ones, for each sensor that is expected to send and has been
 * seen: from the watermark up to the running minute, which is judged again when it is over. The first time, it is the
 * running minute alone.
 *
 * A clock that jumps back takes the watermark along, and the minutes that are ahead of it now are judged again: nothing is
 * expected of them yet.
 * @param now the clock, as text.
 */
export async function fillGaps(client: ClientBase, now: string): Promise<void> {
  const { rows } = await client.query<{ from: string; to: string; filled_to: string }>(
    `WITH running AS (
       SELECT date_trunc('minute', $1::timestamptz, 'UTC') AS minute
     ), watermark AS (
       SELECT coalesce((SELECT filled_to FROM sluice.quality_watermark), minute) AS filled_to FROM running
     ), step AS (
       SELECT greatest(1, least(${MINUTES_A_SENSOR}, ${MINUTES_AT_ONCE} / greatest(count(*), 1))) * INTERVAL '1 minute' AS length
       FROM ${EXPECTED}
     ), period AS (
       SELECT minute, least(filled_to, minute) AS "from",
         least(greatest(filled_to, minute), least(filled_to, minute) + length) AS "to"
       FROM running, watermark, step
     )
     SELECT "from"::text, "to"::text, least("to", minute)::text AS filled_to FROM period`,
    [now],
  );
  const { from, to, filled_to } = rows[0]!;
  await client.query(
    `INSERT INTO refreshed_minute (bucket, sensor_id, silent)
     SELECT bucket, sensor_id, true
     FROM ${EXPECTED}
     CROSS JOIN generate_series($1::timestamptz, $2::timestamptz, INTERVAL '1 minute') bucket
     WHERE bucket >= date_trunc('minute', seen_at, 'UTC') AND bucket >= ${KEPT_SINCE}
     ON CONFLICT DO NOTHING`,
    [from, to],
  );
  await client.query(
    `INSERT INTO sluice.quality_watermark (filled_to) VALUES ($1) ON CONFLICT (one) DO UPDATE SET filled_to = excluded.filled_to`,
    [filled_to],
  );
}
