import type { ClientBase } from 'pg';
import { deleteOrphans } from './orphans.ts';
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
/** What is counted of a minute. */
export const counts = [...receivedParts, 'late', 'stuck', 'jumps'] as const;
const columns = ['expected', 'received', ...counts] as const;

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
    ofSilence: true,
  },
  {
    target: 'gold.data_quality_daily',
    source: 'gold.data_quality_hourly',
    unit: 'day',
    columns,
    aggregate: sums,
    ofSilence: true,
  },
];

/** Of a minute's expected readings: a day of them adds up to less than 1e-9 off, and gold.whole_readings() forgives 1e-6. */
const DIGITS = 12;

/** Where a minute begins for a sensor: in the one in which it was first seen, when that was. */
const BEGUN = `CASE WHEN m.bucket = date_trunc('minute', seen.seen_at, 'UTC') THEN seen.seen_at ELSE m.bucket END`;

/**
 * How many readings are expected of a minute `m` (bucket, received) of a sensor `s`, which was first `seen` then; NULL: nothing is
 * known of it.
 * @param now SQL: the clock that the running minute is judged by.
 */
export function expectedOf(now: string): string {
  return `
    CASE WHEN m.received > 0 OR m.bucket >= date_trunc('minute', seen.seen_at, 'UTC') THEN trim_scale(round(
      greatest(0, extract(epoch FROM
        least(m.bucket + INTERVAL '1 minute', ${now}::timestamptz) - ${BEGUN}
      )) / extract(epoch FROM s.expected_interval), ${DIGITS}
    )) END`;
}

/**
 * Writes the quality of the summarized minutes of a span.
 *
 * A minute of which nothing came has a row where something was expected: from the minute on in which the sensor was
 * first seen, as far as the minute is over.
 * @param now the clock that the running minute is judged by.
 */
export async function writeMinuteQuality(client: ClientBase, { from, to }: Span, now: string): Promise<void> {
  const orphans = await client.query(
    `WITH minute AS MATERIALIZED (
       SELECT m.*, ${expectedOf('$3')} AS expected
       FROM (SELECT *, ${receivedParts.join(' + ')} AS received FROM minute_summary) m
       LEFT JOIN LATERAL (SELECT expected_interval FROM silver.sensor WHERE sensor_id = m.sensor_id LIMIT 1) s ON true
       LEFT JOIN LATERAL (SELECT seen_at FROM silver.seen_sensor WHERE sensor_id = m.sensor_id LIMIT 1) seen ON true
       WHERE m.bucket >= $1 AND m.bucket < $2
     ), written AS (
       INSERT INTO gold.data_quality_1min AS g (bucket, sensor_id, ${columns})
       SELECT bucket, sensor_id, ${columns} FROM minute WHERE received > 0 OR expected > 0
       ${upsert(columns)}
     )
     INSERT INTO orphan
     SELECT bucket, sensor_id FROM minute m
     WHERE received = 0 AND coalesce(expected, 0) = 0 AND (
       SELECT true FROM gold.data_quality_1min
       WHERE bucket = m.bucket AND sensor_id = m.sensor_id AND bucket >= $1 AND bucket < $2
     )`,
    [from, to, now],
  );
  await deleteOrphans(
    client,
    orphans,
    'gold.data_quality_1min',
    'bucket = r.since AND sensor_id = r.sensor_id',
  );
}
