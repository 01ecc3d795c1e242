import type { ClientBase } from 'pg';
import { deleteOrphans } from './orphans.ts';
import { type Rollup, upsert } from './rollup.ts';
import type { Span } from './spans.ts';

const columns = ['val_mean', 'val_min', 'val_max', 'n'] as const;

/** From here on avg() may fail; see `meanColumns`. */
const HUGE = '1e150';
const plainMean = `avg(value ORDER BY time) FILTER (WHERE abs(value) < ${HUGE})`;
const scaledMean = `
  least(1.7976931348623157e308 * ${2 ** -600}, greatest(-1.7976931348623157e308 * ${2 ** -600},
    coalesce(sum(value * ${2 ** -600} ORDER BY time) FILTER (WHERE abs(value) >= 1e-100), 0) / count(*)
  )) / ${2 ** -600}`;
const extremes = 'min(value) + 0 AS val_min, max(value) + 0 AS val_max';

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
  CASE WHEN max(abs(value)) < ${HUGE} THEN ${plainMean} ELSE ${scaledMean} END AS val_mean, ${extremes}, count(*) AS n`;

/**
 * The same without `n`, at a lower price where no value is huge: the scaled sum is not made beside the plain one but, if
 * it is needed, by reading once more.
 * @param valid the valid readings, as what follows FROM.
 */
export function cheapMeanColumns(valid: string): string {
  return `
    CASE WHEN greatest(-min(value), max(value)) >= ${HUGE} THEN (SELECT val_mean FROM (SELECT ${meanColumns} FROM ${valid}) huge)
      ELSE ${plainMean} END AS val_mean, ${extremes}`;
}

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
    ofSilence: false,
  },
  {
    target: 'gold.daily_mean',
    source: 'gold.hourly_mean',
    unit: 'day',
    columns,
    aggregate: meanOfMeans,
    ofSilence: false,
  },
];

/** Writes the means of the summarized minutes of a span; a minute without a valid reading has none. */
export async function writeMinuteMeans(client: ClientBase, { from, to }: Span): Promise<void> {
  const orphans = await client.query(
    `WITH minute AS MATERIALIZED (
       SELECT *, valid AS n FROM minute_summary WHERE bucket >= $1 AND bucket < $2 AND NOT silent
     ), written AS (
       INSERT INTO gold.reading_1min_mean AS g (bucket, sensor_id, ${columns})
       SELECT bucket, sensor_id, ${columns} FROM minute WHERE n > 0
       ${upsert(columns)}
     )
     INSERT INTO orphan
     SELECT bucket, sensor_id FROM minute m
     WHERE n = 0 AND (
       SELECT true FROM gold.reading_1min_mean
       WHERE bucket = m.bucket AND sensor_id = m.sensor_id AND bucket >= $1 AND bucket < $2
     )`,
    [from, to],
  );
  await deleteOrphans(
    client,
    orphans,
    'gold.reading_1min_mean',
    'bucket = r.since AND sensor_id = r.sensor_id',
  );
}
