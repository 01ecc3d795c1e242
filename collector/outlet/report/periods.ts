import type { ClientBase } from 'pg';

/** Minutes in a row of one kind. */
export interface Period {
  /** Minute of the day, from 0. */
  from: number;
  /** The minute after the last one. */
  to: number;
  /** Readings of these minutes that were due and did not come, or that came and are not valid. */
  readings: number;
  out_of_range: number;
  unknown: number;
  rejected: number;
  conflicts: number;
}

/** The periods of one kind that a sensor's day has. */
export interface Periods {
  count: number;
  minutes: number;
  /** The longest, longest first; at most `LISTED`. */
  longest: Period[];
}

/** As many as a chart can still show. */
const LISTED = 100;
const none: Periods = { count: 0, minutes: 0, longest: [] };

/*
 * A gap is a run of minutes without a reading in which at least two were due: of a sensor that sends each minute, one
 * minute can be empty as the readings before and after it fell a second to the other side.
 */
const QUERY = `
  WITH minute AS (
    SELECT *, CASE WHEN received = 0 AND expected > 0 THEN 'gaps' WHEN received > valid + duplicates THEN 'faults' END AS kind,
      (extract(epoch FROM bucket - $1::date) / 60)::int AS minute
    FROM gold.data_quality_1min WHERE bucket >= $1::date AND bucket < $1::date + 1
  ), numbered AS (
    SELECT *, minute - row_number() OVER (PARTITION BY sensor_id, kind ORDER BY minute) AS run FROM minute
    WHERE kind IS NOT NULL
  ), period AS (
    SELECT sensor_id, kind, min(minute) AS "from", max(minute) + 1 AS "to", sum(out_of_range) AS out_of_range,
      sum(unknown) AS unknown, sum(rejected) AS rejected, sum(conflicts) AS conflicts,
      CASE kind WHEN 'gaps' THEN sum(expected) ELSE sum(received - valid - duplicates) END AS readings
    FROM numbered GROUP BY sensor_id, kind, run
  ), ranked AS (
    SELECT *, row_number() OVER (of_sensor ORDER BY "to" - "from" DESC, readings DESC, "from") AS rank,
      count(*) OVER of_sensor AS count, sum("to" - "from") OVER of_sensor AS minutes
    FROM period WHERE kind = 'faults' OR gold.whole_readings(readings) >= 2 WINDOW of_sensor AS (PARTITION BY sensor_id, kind)
  )
  SELECT sensor_id, kind, "from", "to", gold.whole_readings(readings)::float8 AS readings, out_of_range::float8, unknown::float8,
    rejected::float8, conflicts::float8, count::float8, minutes::float8
  FROM ranked WHERE rank <= $2 ORDER BY sensor_id, kind, rank`;

/** Finds the gaps of every sensor's day, and the periods with readings that are not valid. */
export async function readPeriods(client: ClientBase, date: string) {
  const { rows } = await client.query<
    Period & { sensor_id: string; kind: 'gaps' | 'faults'; count: number; minutes: number }
  >(QUERY, [date, LISTED]);
  const found = { gaps: new Map<string, Periods>(), faults: new Map<string, Periods>() };
  for (const { sensor_id, kind, count, minutes, ...period } of rows) {
    const known = found[kind].get(sensor_id);
    if (known === undefined) found[kind].set(sensor_id, { count, minutes, longest: [period] });
    else known.longest.push(period);
  }
  return {
    of: (id: string): { gaps: Periods; faults: Periods } => ({
      gaps: found.gaps.get(id) ?? none,
      faults: found.faults.get(id) ?? none,
    }),
  };
}
