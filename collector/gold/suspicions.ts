import type { ClientBase } from 'pg';
import { isOf, isReading } from './by-key.ts';
import { forEachRow } from './row-by-row.ts';
import type { Span } from './spans.ts';

/** A reading is compared with the valid one before it when that is at most so old. */
const JUMP_HOURS = 24;

/** Makes the table in which a refresh notes the readings whose flags change; private to the connection. */
export async function prepareSuspicions(client: ClientBase): Promise<void> {
  await client.query(
    `CREATE TEMP TABLE IF NOT EXISTS judged_reading (
       sensor_id varchar(50), time timestamptz, stuck boolean, jump boolean
     ) ON COMMIT DELETE ROWS`,
  );
}

/**
 * Judges the readings of the refreshed minutes of a span, and those after them that they have an effect on; sets `stuck`
 * and `jump` of silver.sensor_reading where they change, and adds the minutes of what follows to those that are refreshed.
 *
 * Both are functions of silver, in the order of time, and of the registry:
 * - jump: the value differs from that of the last valid reading before it, at most a day older, by more than
 *   max_step_per_s allows. In decimal numbers: 20.1 is no more than 0.1 from 20.2, as doubles it is.
 * - stuck: it ends a run of equal values that began more than max_stuck before it. A gap longer than max_stuck ends a run.
 *
 * Sensors without these limits are left alone, except where their minutes count suspicions of an earlier registry.
 */
export async function judgeSuspicions(client: ClientBase, { from, to }: Span): Promise<void> {
  const [least, greatest] = await reach(client, from, to);
  const judged = await client.query(
    `WITH ${STRETCHES}, ${REACHES}, ${VERDICTS}
     INSERT INTO judged_reading SELECT DISTINCT sensor_id, time, stuck, jump FROM verdict
     WHERE (stuck, jump) <> (was_stuck, was_jump)`,
    [from, to, least, greatest],
  );
  if (judged.rowCount === 0) return;
  await client.query(
    `INSERT INTO refreshed_minute (bucket, sensor_id)
     SELECT date_trunc('minute', time, 'UTC'), sensor_id FROM judged_reading ON CONFLICT DO NOTHING`,
  );
  await forEachRow(
    client,
    'judged_reading',
    `UPDATE silver.sensor_reading SET stuck = r.stuck, jump = r.jump WHERE ${isReading('r')}`,
  );
}

/** How far before and behind a span readings are looked at: constants, so that TimescaleDB leaves the other chunks alone. */
async function reach(client: ClientBase, from: string, to: string): Promise<[string, string]> {
  const { rows } = await client.query<{ least: string; greatest: string }>(
    `SELECT ($1::timestamptz - far)::text AS least, ($2::timestamptz + far)::text AS greatest
     FROM (
       SELECT make_interval(secs => greatest(${JUMP_HOURS} * 3600, 2 * max(extract(epoch FROM max_stuck)))::float8) AS far
       FROM silver.sensor
     ) f`,
    [from, to],
  );
  return [rows[0]!.least, rows[0]!.greatest];
}

/** Refreshed minutes that follow each other without a gap, with the limits of their sensor. */
const STRETCHES = `
  limited AS (
    SELECT m.bucket, m.sensor_id, s.max_step_per_s::numeric AS max_step,
      make_interval(secs => extract(epoch FROM s.max_stuck)::float8) AS max_stuck
    FROM refreshed_minute m
    LEFT JOIN LATERAL (SELECT max_step_per_s, max_stuck FROM silver.sensor WHERE sensor_id = m.sensor_id LIMIT 1) s ON true
    LEFT JOIN LATERAL (
      SELECT stuck + jumps AS suspicions FROM gold.data_quality_1min
      WHERE bucket = m.bucket AND sensor_id = m.sensor_id AND bucket >= $1 AND bucket < $2 LIMIT 1
    ) q ON true
    WHERE m.bucket >= $1 AND m.bucket < $2
      AND (s.max_step_per_s IS NOT NULL OR s.max_stuck IS NOT NULL OR q.suspicions > 0)
  ), numbered AS (
    SELECT *, bucket - row_number() OVER (PARTITION BY sensor_id ORDER BY bucket) * INTERVAL '1 minute' AS island FROM limited
  ), stretch AS (
    SELECT sensor_id, max_step, max_stuck, min(bucket) AS since, max(bucket) + INTERVAL '1 minute' AS until
    FROM numbered GROUP BY sensor_id, max_step, max_stuck, island
  )`;

const readings = (columns: string, where: string) =>
  `SELECT ${columns} FROM silver.sensor_reading
   WHERE ${isOf('s.sensor_id')} AND time >= $3 AND time <= $4 AND ${where}`;

/*
 * From where to where the readings of a stretch must be read. All of these are descents of the index that end at the first
 * row they find, and pass by no more than the readings that repeat a value, within twice max_stuck, or that are not valid,
 * within a day.
 */
const REACHES = `
  reach AS (
    SELECT s.*, prior.time AS prior_time, prior.value AS prior_value,
      CASE WHEN head.value IS NULL THEN s.since ELSE coalesce(other.time, s.since - 2 * s.max_stuck) END AS begins,
      greatest(
        s.until - INTERVAL '1 microsecond', tail.ends,
        CASE WHEN s.max_step IS NOT NULL THEN coalesce(next.time, s.until + INTERVAL '${JUMP_HOURS} hours') END
      ) AS ends
    FROM stretch s
    LEFT JOIN LATERAL (
      ${readings('time, value', `quality = 'valid' AND time < s.since AND time >= s.since - INTERVAL '${JUMP_HOURS} hours'`)}
        AND s.max_step IS NOT NULL
      ORDER BY time DESC LIMIT 1
    ) prior ON true
    LEFT JOIN LATERAL (
      ${readings('time', `quality = 'valid' AND time >= s.until AND time <= s.until + INTERVAL '${JUMP_HOURS} hours'`)}
        AND s.max_step IS NOT NULL
      ORDER BY time LIMIT 1
    ) next ON true
    LEFT JOIN LATERAL (
      ${readings('value', 'time >= s.since AND time < s.until + s.max_stuck')} ORDER BY time LIMIT 1
    ) head ON true
    LEFT JOIN LATERAL (
      ${readings('time', 'time < s.since AND time >= s.since - 2 * s.max_stuck AND value <> head.value')}
      ORDER BY time DESC LIMIT 1
    ) other ON true
    LEFT JOIN LATERAL (
      SELECT coalesce(differing.time, f.time + s.max_stuck) AS ends
      FROM (${readings('time, value', 'time >= s.until AND time <= s.until + s.max_stuck')} ORDER BY time LIMIT 1) f
      LEFT JOIN LATERAL (
        ${readings('time', 'time > f.time AND time <= f.time + s.max_stuck AND value <> f.value')}
        ORDER BY time LIMIT 1
      ) differing ON true
    ) tail ON true
  )`;

const VERDICTS = `
  verdict AS (
    SELECT s.sensor_id, r.time, r.was_stuck, r.was_jump,
      coalesce(r.time - r.run_since > s.max_stuck, false) AS stuck,
      coalesce(
        r.time - r.valid_time <= INTERVAL '${JUMP_HOURS} hours' AND
        abs(r.value::numeric - r.valid_value::numeric) > s.max_step * extract(epoch FROM r.time - r.valid_time), false
      ) AS jump
    FROM reach s
    CROSS JOIN LATERAL (
      SELECT time, value, stuck AS was_stuck, jump AS was_jump,
        max(time) FILTER (WHERE begins_run) OVER (ORDER BY time) AS run_since,
        coalesce(valid_time, s.prior_time) AS valid_time, coalesce(valid[2], s.prior_value) AS valid_value
      FROM (
        SELECT time, value, stuck, jump,
          (value = lag(value) OVER w AND time - lag(time) OVER w <= s.max_stuck) IS NOT TRUE AS begins_run,
          max(time) FILTER (WHERE quality = 'valid') OVER before AS valid_time,
          max(ARRAY[date_part('epoch', time), value]) FILTER (WHERE quality = 'valid') OVER before AS valid
        FROM silver.sensor_reading
        WHERE ${isOf('s.sensor_id')} AND time >= s.begins AND time <= s.ends AND time >= $3 AND time <= $4
        WINDOW w AS (ORDER BY time), before AS (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
      ) a
    ) r
    WHERE r.time >= s.since
  )`;
