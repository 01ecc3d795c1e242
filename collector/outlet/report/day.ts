import type { ClientBase } from 'pg';
import { type Periods, readPeriods } from './periods.ts';
import { type RejectedLines, readRejected } from './rejected.ts';

export const MINUTES_A_DAY = 1440;

export type Verdict = 'good' | 'warning' | 'critical';

/** What came of a sensor on the day, as gold.data_quality_daily counts it. */
export interface Counts {
  received: number;
  valid: number;
  out_of_range: number;
  unknown: number;
  rejected: number;
  duplicates: number;
  conflicts: number;
  late: number;
  stuck: number;
  jumps: number;
}

/** A sensor's day. */
export interface SensorDay extends Counts {
  id: string;
  isRegistered: boolean;
  quantity: string | null;
  unit: string | null;
  location: string | null;
  /** Time between two readings in seconds; null: none is registered. */
  interval: number | null;
  /** Whole readings; null: no interval is registered. */
  expected: number | null;
  /** 0 to 100; null: nothing was expected, and nothing came. */
  score: number | null;
  verdict: Verdict | null;
  /** Score of each hour of the day. */
  hours: (number | null)[];
  gaps: Periods;
  /** Periods with readings that are not valid. */
  faults: Periods;
}

/** Valid readings, and of how many: those that were expected or (where more came) that came. */
export interface Share {
  valid: number;
  due: number;
}

/** Everything that the report of a day says, except its charts. */
export interface Day {
  /** UTC, such as 2025-11-12. */
  date: string;
  /** When it was read; ISO 8601. */
  readAt: string;
  /** Minutes of the day that the refresh has counted, from its beginning on. */
  countedMinutes: number;
  /** Minutes (of any sensor) that loads have touched and the refresh has not counted yet. */
  staleMinutes: number;
  /** Worst first. */
  sensors: SensorDay[];
  /** Registered sensors of which the day has nothing, as they have never sent anything: how many, and some of them. */
  unheard: { count: number; ids: string[] };
  /** All sensors together, by hour. */
  hours: Share[];
  rejected: RejectedLines;
}

/** Mean, least and greatest valid value of a minute. */
export interface Minute {
  /** Of the day, from 0. */
  minute: number;
  mean: number;
  min: number;
  max: number;
}

const IDS_NAMED = 30;

/**
 * Reads the day. The caller's transaction makes one picture of it.
 * @param date UTC, such as 2025-11-12. @param only ids of the sensors that it is about; undefined: of all.
 */
export async function readDay(client: ClientBase, date: string, only?: ReadonlySet<string>): Promise<Day> {
  const periods = await readPeriods(client, date);
  const isMeant = (id: string) => only?.has(id) ?? true;
  const found = (await readSensors(client, date)).filter(({ id }) => isMeant(id));
  const sensors = found.map(
    (row): SensorDay => ({ ...row, hours: Array.from({ length: 24 }, () => null), ...periods.of(row.id) }),
  );
  const hours = Array.from({ length: 24 }, () => ({ valid: 0, due: 0 }));
  const byId = new Map(sensors.map(sensor => [sensor.id, sensor]));
  for (const { sensor_id, hour, score, valid, due } of await readHours(client, date)) {
    if (!isMeant(sensor_id)) continue;
    const sensor = byId.get(sensor_id);
    if (sensor !== undefined) sensor.hours[hour] = score;
    hours[hour]!.valid += valid;
    hours[hour]!.due += due;
  }
  const { readAt, countedMinutes, staleMinutes } = await readProgress(client, date);
  const unheard = await readUnheard(client, date, only);
  const rejected = await readRejected(client, date, only);
  return { date, readAt, countedMinutes, staleMinutes, sensors, unheard, hours, rejected };
}

async function readSensors(client: ClientBase, date: string) {
  const { rows } = await client.query<Omit<SensorDay, 'hours' | 'gaps' | 'faults'>>(
    `SELECT d.sensor_id AS id, s.sensor_id IS NOT NULL AS "isRegistered", s.quantity, s.unit, s.location,
       extract(epoch FROM s.expected_interval)::float8 AS interval, 
       CASE WHEN d.expected IS NOT NULL THEN gold.whole_readings(d.expected) END::float8 AS expected, d.received::float8,
       d.valid::float8, d.out_of_range::float8, d.unknown::float8, d.rejected::float8, d.duplicates::float8,
       d.conflicts::float8, d.late::float8, d.stuck::float8, d.jumps::float8, d.score::float8, d.verdict
     FROM gold.data_quality_daily d LEFT JOIN silver.sensor s ON s.sensor_id = d.sensor_id
     WHERE d.bucket = $1::date
     ORDER BY d.score NULLS LAST,
       greatest(gold.whole_readings(d.expected), d.received - d.duplicates) - d.valid DESC, d.sensor_id`,
    [date],
  );
  return rows;
}

async function readHours(client: ClientBase, date: string) {
  const { rows } = await client.query<Share & { sensor_id: string; hour: number; score: number | null }>(
    `SELECT sensor_id, extract(hour FROM bucket AT TIME ZONE 'UTC')::int AS hour, score::float8, valid::float8,
       greatest(gold.whole_readings(expected), received - duplicates)::float8 AS due
     FROM gold.data_quality_hourly WHERE bucket >= $1::date AND bucket < $1::date + 1`,
    [date],
  );
  return rows;
}

async function readProgress(client: ClientBase, date: string) {
  const { rows } = await client.query<Pick<Day, 'readAt' | 'countedMinutes' | 'staleMinutes'>>(
    `SELECT to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "readAt",
       coalesce((SELECT extract(epoch FROM filled_to - $1::date) / 60 FROM sluice.quality_watermark), 0)::float8 AS "countedMinutes",
       (SELECT count(DISTINCT (bucket, sensor_id)) FROM sluice.stale_minute
        WHERE bucket >= $1::date AND bucket < $1::date + 1)::float8 AS "staleMinutes"`,
    [date],
  );
  const row = rows[0]!;
  return { ...row, countedMinutes: Math.min(Math.max(Math.floor(row.countedMinutes), 0), MINUTES_A_DAY) };
}

async function readUnheard(
  client: ClientBase,
  date: string,
  only: ReadonlySet<string> | undefined,
): Promise<Day['unheard']> {
  const { rows } = await client.query<{ count: number; ids: string[] }>(
    `SELECT count(*)::int AS count, coalesce((array_agg(sensor_id ORDER BY sensor_id))[1:$2], '{}') AS ids FROM silver.sensor s
     WHERE NOT EXISTS (SELECT FROM gold.data_quality_daily d WHERE d.bucket = $1::date AND d.sensor_id = s.sensor_id)
       AND ($3::text[] IS NULL OR sensor_id = ANY ($3))`,
    [date, IDS_NAMED, only === undefined ? null : [...only]],
  );
  return rows[0]!;
}

/** The one-minute means of a sensor, in ascending order. */
export async function readMinutes(client: ClientBase, date: string, id: string): Promise<Minute[]> {
  const { rows } = await client.query<Minute>(
    `SELECT (extract(epoch FROM bucket - $1::date) / 60)::int AS minute, val_mean AS mean, val_min AS min, val_max AS max
     FROM gold.reading_1min_mean WHERE sensor_id = $2 AND bucket >= $1::date AND bucket < $1::date + 1
     ORDER BY bucket`,
    [date, id],
  );
  return rows;
}
