import type { ClientBase } from 'pg';
import { type Rollup, upsert } from './rollup.ts';
import type { Span } from './spans.ts';

const columns = ['val_mean', 'val_min', 'val_max', 'n'] as const;

/**
 * What gold says of some readings, as SQL over a column `value` and the order of `time`. The values are added up in the
 * order of time, so that the same readings give the same mean to the last bit, whatever the order in which they came.
 *
 * avg() also adds up squares, and PostgreSQL makes an error of every overflow and underflow: one value beyond 1e154 would
 * stop the refresh of all sensors. Where there is one, the values are scaled by 2^-600, which changes no digit, and those
 * that are nothing beside it count as zero. Whether the least of 0 and -0 is -0 would depend on their order: adding 0 makes
 * both 0.
 */
export const meanColumns = `
  CASE WHEN max(abs(value)) < 1e150
    THEN avg(value ORDER BY time) FILTER (WHERE abs(value) < 1e150)
    ELSE least(1.7976931348623157e308 * ${2 ** -600}, greatest(-1.7976931348623157e308 * ${2 ** -600},
      coalesce(sum(value * ${2 ** -600} ORDER BY time) FILTER (WHERE abs(value) >= 1e-100), 0) / count(*)
    )) / ${2 ** -600}
  END AS val_mean, min(value) + 0 AS val_min, max(value) + 0 AS val_max, count(*) AS n`;

/**
 * The same of some means, each of `n` readings, in the order of `bucket`. Guarded like `meanColumns`; a sum that is next
 * to nothing counts as zero, as PostgreSQL makes an error of a quotient that no double can hold.
 */
const meanOfMeans = `
  CASE WHEN max(abs(val_mean)) < 1e280
    THEN CASE WHEN abs(sum(val_mean * n ORDER BY bucket) FILTER (WHERE abs(val_mean) < 1e280)) < 1e-280 THEN 0
      ELSE sum(val_mean * n ORDER BY bucket) FILTER (WHERE abs(val_mean) < 1e280) / sum(n)::float8 END
    ELSE least(1.7976931348623157e308 * ${2 ** -600}, greatest(-1.7976931348623157e308 * ${2 ** -600},
      sum(val_mean * ${2 ** -600} * n ORDER BY bucket) FILTER (WHERE abs(val_mean) >= 1e-100) / sum(n)::float8
    )) / ${2 ** -600}
  END AS val_mean, min(val_min) AS val_min, max(val_max) AS val_max, sum(n)::bigint AS n`;

/** Hours of minutes, and days of hours. */
export const meanRollups: readonly Rollup[] = [
  {
    target: 'gold.hourly_mean',
    source: 'gold.reading_1min_mean',
    unit: 'hour',
    columns,
    aggregate: meanOfMeans,
  },
  { target: 'gold.daily_mean', source: 'gold.hourly_mean', unit: 'day', columns, aggregate: meanOfMeans },
];

/** Recomputes the means of the refreshed minutes of a span from silver; a minute without a valid reading has none. */
export async function refreshMinuteMeans(client: ClientBase, { from, to }: Span): Promise<void> {
  const valid = `
    sensor_id = m.sensor_id AND time >= m.bucket AND time < m.bucket + INTERVAL '1 minute'
    AND time >= $1 AND time < $2 AND quality = 'valid'`;
  await client.query(
    `INSERT INTO gold.reading_1min_mean AS g (bucket, sensor_id, ${columns})
     SELECT m.bucket, m.sensor_id, r.val_mean, r.val_min, r.val_max, r.n
     FROM refreshed_minute m
     CROSS JOIN LATERAL (SELECT ${meanColumns} FROM silver.sensor_reading WHERE ${valid}) r
     WHERE m.bucket >= $1 AND m.bucket < $2 AND r.n > 0
     ${upsert('bucket', columns)}`,
    [from, to],
  );
  await client.query(
    `DELETE FROM gold.reading_1min_mean g USING refreshed_minute m
     WHERE g.bucket = m.bucket AND g.sensor_id = m.sensor_id AND g.bucket >= $1 AND g.bucket < $2
       AND NOT EXISTS (SELECT FROM silver.sensor_reading WHERE ${valid})`,
    [from, to],
  );
}
