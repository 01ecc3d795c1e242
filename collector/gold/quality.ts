import type { ClientBase } from 'pg';
import { type Rollup, upsert } from './rollup.ts';
import type { Span } from './spans.ts';

/** What `received` is the sum of. */
export const receivedParts = [
  'valid',
  'out_of_range',
  'unknown',
  'rejected',
  'duplicates',
  'conflicts',
] as const;
const columns = ['expected', 'received', ...receivedParts, 'late', 'stuck', 'jumps'] as const;

/** The stored readings of a minute, counted: SQL over silver.sensor_reading. */
export const storedCounts = `
  count(*) FILTER (WHERE quality = 'valid') AS valid,
  count(*) FILTER (WHERE quality = 'out_of_range') AS out_of_range,
  count(*) FILTER (WHERE quality = 'unknown_sensor') AS unknown,
  count(*) FILTER (WHERE late) AS late, count(*) FILTER (WHERE stuck) AS stuck, count(*) FILTER (WHERE jump) AS jumps`;

const sums = [
  'sum(expected) AS expected',
  ...columns.filter(column => column !== 'expected').map(column => `sum(${column})::bigint AS ${column}`),
].join(', ');

/** Hours of minutes, and days of hours; scores and verdicts follow from the sums. */
export const qualityRollups: readonly Rollup[] = [
  {
    target: 'gold.data_quality_hourly',
    source: 'gold.data_quality_1min',
    unit: 'hour',
    columns,
    aggregate: sums,
  },
  {
    target: 'gold.data_quality_daily',
    source: 'gold.data_quality_hourly',
    unit: 'day',
    columns,
    aggregate: sums,
  },
];

/** Where a minute begins for a sensor: in the one in which it was first seen, when that was. */
const BEGUN = `CASE WHEN m.bucket = date_trunc('minute', seen.seen_at, 'UTC') THEN seen.seen_at ELSE m.bucket END`;

/**
 * Counts what came in the refreshed minutes of a span.
 *
 * A minute of which nothing came has a row where something was expected: from the minute on in which the sensor was
 * first seen, as far as the minute is over.
 * @param now the clock that the running minute is judged by.
 */
export async function refreshMinuteQuality(
  client: ClientBase,
  { from, to }: Span,
  now: string,
): Promise<void> {
  const inMinute = `sensor_id = m.sensor_id AND time >= m.bucket AND time < m.bucket + INTERVAL '1 minute'`;
  await client.query(
    `INSERT INTO gold.data_quality_1min AS g (bucket, sensor_id, ${columns})
     SELECT m.bucket, m.sensor_id,
       CASE WHEN came.received > 0 OR m.bucket >= date_trunc('minute', seen.seen_at, 'UTC') THEN round(
         greatest(0, extract(epoch FROM
           least(m.bucket + INTERVAL '1 minute', $3::timestamptz) - ${BEGUN}
         )) / extract(epoch FROM s.expected_interval), 6
       ) END,
       came.received, r.valid, r.out_of_range, r.unknown, rejected.n, duplicate.n, conflicting.n, r.late, r.stuck, r.jumps
     FROM refreshed_minute m
     LEFT JOIN silver.sensor s ON s.sensor_id = m.sensor_id
     LEFT JOIN silver.seen_sensor seen ON seen.sensor_id = m.sensor_id
     CROSS JOIN LATERAL (
       SELECT count(*) AS n, ${storedCounts} FROM silver.sensor_reading WHERE ${inMinute} AND time >= $1 AND time < $2
     ) r
     CROSS JOIN LATERAL (SELECT count(*) AS n FROM silver.rejected_line WHERE ${inMinute}) rejected
     CROSS JOIN LATERAL (SELECT count(*) AS n FROM silver.conflicting_reading WHERE ${inMinute}) conflicting
     CROSS JOIN LATERAL (
       SELECT coalesce(sum(n), 0)::bigint AS n FROM silver.duplicate_minute
       WHERE sensor_id = m.sensor_id AND bucket = m.bucket
     ) duplicate
     CROSS JOIN LATERAL (SELECT r.n + rejected.n + duplicate.n + conflicting.n AS received) came
     WHERE m.bucket >= $1 AND m.bucket < $2
     ${upsert('bucket', columns)}`,
    [from, to, now],
  );
  await client.query(
    `DELETE FROM gold.data_quality_1min g USING refreshed_minute m
     WHERE g.bucket = m.bucket AND g.sensor_id = m.sensor_id AND g.bucket >= $1 AND g.bucket < $2
       AND g.received = 0 AND coalesce(g.expected, 0) = 0`,
    [from, to],
  );
}
