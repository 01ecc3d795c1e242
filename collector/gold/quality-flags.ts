import type { ClientBase } from 'pg';
import { forEachRow, isOf, isReading } from './planner.ts';
import type { Span } from './spans.ts';

/** A reading is compared with the valid one before it when that is at most so old. */
const JUMP_HOURS = 24;

/** Makes the tables that the stages hand on to each other; private to the connection. */
export async function prepareFlags(client: ClientBase): Promise<void> {
  await client.query(
    `CREATE TEMP TABLE IF NOT EXISTS flag_period (
       sensor_id text, max_step numeric, max_stuck interval, since timestamptz, until timestamptz
     ) ON COMMIT DELETE ROWS;
     CREATE TEMP TABLE IF NOT EXISTS flag_range (
       LIKE flag_period, prior_time timestamptz, prior_value double precision, begins timestamptz, ends timestamptz
     ) ON COMMIT DELETE ROWS;
     CREATE TEMP TABLE IF NOT EXISTS changed_flag (
       sensor_id text, time timestamptz, stuck boolean, jump boolean
     ) ON COMMIT DELETE ROWS`,
  );
}

/**
 * Judges the readings of the refreshed minutes of a span, and those after them whose flags depend on them; sets `stuck` and
 * `jump` of silver.sensor_reading where they change, and adds the minutes of these readings to the refreshed ones.
 *
 * Both are functions of silver, in the order of time, and of the registry:
 * - jump: the value differs from that of the last valid reading before it, at most a day older, by more than
 *   max_step_per_s allows. In decimal numbers: 20.1 is no more than 0.1 from 20.2, as doubles it is.
 * - stuck: it ends a run of equal values that began more than max_stuck before it. A gap longer than max_stuck ends a run.
 *
 * Sensors without these limits are left alone, except where their minutes count flags of an earlier registry.
 */
export async function judgeFlags(client: ClientBase, span: Span): Promise<void> {
  if ((await findPeriods(client, span)) === 0) return;
  const reach = await reachOf(client, span);
  await findRanges(client, reach);
  if ((await findChanges(client, reach)) > 0) await applyChanges(client);
  await client.query('TRUNCATE flag_period, flag_range');
}

/** Stage 1: refreshed minutes that follow each other without a gap, with the limits of their sensor. @returns how many. */
async function findPeriods(client: ClientBase, { from, to }: Span): Promise<number> {
  const { rowCount } = await client.query(
    `INSERT INTO flag_period (sensor_id, max_step, max_stuck, since, until)
     SELECT sensor_id, max_step, max_stuck, min(bucket), max(bucket) + INTERVAL '1 minute'
     FROM (
       SELECT m.bucket, m.sensor_id, s.max_step_per_s::numeric AS max_step,
         make_interval(secs => extract(epoch FROM s.max_stuck)::float8) AS max_stuck,
         m.bucket - row_number() OVER (PARTITION BY m.sensor_id ORDER BY m.bucket) * INTERVAL '1 minute' AS island
       FROM refreshed_minute m
       LEFT JOIN LATERAL (
         SELECT max_step_per_s, max_stuck FROM silver.sensor WHERE sensor_id = m.sensor_id LIMIT 1
       ) s ON true
       LEFT JOIN LATERAL (
         SELECT stuck + jumps AS flagged FROM gold.data_quality_1min
         WHERE bucket = m.bucket AND sensor_id = m.sensor_id AND bucket >= $1 AND bucket < $2 LIMIT 1
       ) q ON true
       WHERE m.bucket >= $1 AND m.bucket < $2
         AND (s.max_step_per_s IS NOT NULL OR s.max_stuck IS NOT NULL OR q.flagged > 0)
     ) minute
     GROUP BY sensor_id, max_step, max_stuck, island`,
    [from, to],
  );
  return rowCount!;
}

/** How far before and behind a span readings are looked at: constants, so that TimescaleDB leaves the other chunks alone. */
async function reachOf(client: ClientBase, { from, to }: Span): Promise<Span> {
  const { rows } = await client.query<Span>(
    `SELECT ($1::timestamptz - far)::text AS "from", ($2::timestamptz + far)::text AS "to"
     FROM (
       SELECT make_interval(secs => greatest(${JUMP_HOURS} * 3600, 2 * max(extract(epoch FROM max_stuck)))::float8) AS far
       FROM silver.sensor
     ) f`,
    [from, to],
  );
  return rows[0]!;
}

/**
 * Stage 2: from where to where the readings of each period have to be read, and the valid reading before it.
 *
 * Each lookup is a descent of the index that ends at the first row it finds, and passes by no more than the readings that
 * repeat a value, within twice max_stuck, or that are not valid, within a day.
 */
async function findRanges(client: ClientBase, { from, to }: Span): Promise<void> {
  const reading = (columns: string, where: string) =>
    `SELECT ${columns} FROM silver.sensor_reading WHERE ${isOf('s.sensor_id')} AND time >= $1 AND time <= $2 AND ${where}`;
  const day = `INTERVAL '${JUMP_HOURS} hours'`;
  await client.query(
    `INSERT INTO flag_range (sensor_id, max_step, max_stuck, since, until, prior_time, prior_value, begins, ends)
     SELECT s.*, prior.time, prior.value,
       CASE WHEN head.value IS NULL THEN s.since ELSE coalesce(other.time, s.since - 2 * s.max_stuck) END,
       greatest(
         s.until - INTERVAL '1 microsecond', tail.ends,
         CASE WHEN s.max_step IS NOT NULL THEN coalesce(next.time, s.until + ${day}) END
       )
     FROM flag_period s
     LEFT JOIN LATERAL ( -- the valid reading before, which the first one may have jumped from
       ${reading('time, value', `s.max_step IS NOT NULL AND quality = 'valid' AND time < s.since AND time >= s.since - ${day}`)}
       ORDER BY time DESC LIMIT 1
     ) prior ON true
     LEFT JOIN LATERAL ( -- the valid reading behind, which may have jumped from the last one
       ${reading('time', `s.max_step IS NOT NULL AND quality = 'valid' AND time >= s.until AND time <= s.until + ${day}`)}
       ORDER BY time LIMIT 1
     ) next ON true
     LEFT JOIN LATERAL ( -- the first value, which a run before may go on with
       ${reading('value', 'time >= s.since AND time < s.until + s.max_stuck')}
       ORDER BY time LIMIT 1
     ) head ON true
     LEFT JOIN LATERAL ( -- the last other value before it, where that run began
       ${reading('time', 'time < s.since AND time >= s.since - 2 * s.max_stuck AND value <> head.value')}
       ORDER BY time DESC LIMIT 1
     ) other ON true
     LEFT JOIN LATERAL ( -- the first reading behind, and where its value ends or has been judged for good
       SELECT coalesce(differing.time, f.time + s.max_stuck) AS ends
       FROM (${reading('time, value', 'time >= s.until AND time <= s.until + s.max_stuck')} ORDER BY time LIMIT 1) f
       LEFT JOIN LATERAL (
         ${reading('time', 'time > f.time AND time <= f.time + s.max_stuck AND value <> f.value')}
         ORDER BY time LIMIT 1
       ) differing ON true
     ) tail ON true`,
    [from, to],
  );
}

/** Stage 3: the readings whose flags are not what they have to be; two periods may share some. @returns how many. */
async function findChanges(client: ClientBase, { from, to }: Span): Promise<number> {
  const { rowCount } = await client.query(
    `INSERT INTO changed_flag (sensor_id, time, stuck, jump)
     SELECT DISTINCT s.sensor_id, r.time, verdict.stuck, verdict.jump
     FROM flag_range s
     CROSS JOIN LATERAL (
       SELECT time, value, stuck, jump,
         max(time) FILTER (WHERE begins_run) OVER (ORDER BY time) AS run_since,
         coalesce(valid_time, s.prior_time) AS valid_time, coalesce(valid[2], s.prior_value) AS valid_value
       FROM (
         SELECT time, value, stuck, jump,
           (value = lag(value) OVER w AND time - lag(time) OVER w <= s.max_stuck) IS NOT TRUE AS begins_run,
           max(time) FILTER (WHERE quality = 'valid') OVER before AS valid_time,
           max(ARRAY[date_part('epoch', time), value]) FILTER (WHERE quality = 'valid') OVER before AS valid
         FROM silver.sensor_reading
         WHERE ${isOf('s.sensor_id')} AND time >= s.begins AND time <= s.ends AND time >= $1 AND time <= $2
         WINDOW w AS (ORDER BY time), before AS (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
       ) reading
     ) r
     CROSS JOIN LATERAL (
       SELECT coalesce(r.time - r.run_since > s.max_stuck, false) AS stuck,
         coalesce(
           r.time - r.valid_time <= INTERVAL '${JUMP_HOURS} hours' AND
           abs(r.value::numeric - r.valid_value::numeric) > s.max_step * extract(epoch FROM r.time - r.valid_time), false
         ) AS jump
     ) verdict
     WHERE r.time >= s.since AND (verdict.stuck, verdict.jump) <> (r.stuck, r.jump)`,
    [from, to],
  );
  return rowCount!;
}

/** Stage 4: sets the flags, and refreshes the minutes of their readings as well. */
async function applyChanges(client: ClientBase): Promise<void> {
  await client.query(
    `INSERT INTO refreshed_minute (bucket, sensor_id)
     SELECT date_trunc('minute', time, 'UTC'), sensor_id FROM changed_flag ON CONFLICT DO NOTHING`,
  );
  await forEachRow(
    client,
    'changed_flag',
    `UPDATE silver.sensor_reading SET stuck = r.stuck, jump = r.jump WHERE ${isReading('r')}`,
  );
}
