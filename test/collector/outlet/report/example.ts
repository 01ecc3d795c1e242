import type { TestDatabase } from '../../../harness/database.ts';

/** A period of the day in minutes: `from` ≤ minute < `to`. */
type Period = readonly [from: number, to: number];

/** What a sensor did on a day. */
export interface Played {
  id: string;
  /** Default true. */
  registered?: boolean;
  unit?: string;
  quantity?: string;
  location?: string;
  /** Seconds between two readings; null: none is registered. Default 1. */
  interval?: number | null;
  /** Nothing came. */
  gaps?: Period[];
  /** Half of what came was out of range. */
  faults?: Period[];
  /** Counts of the whole day, put into minute 1300. */
  extra?: Partial<Record<'rejected' | 'duplicates' | 'conflicts' | 'late' | 'stuck' | 'jumps', number>>;
  /** Mean of a minute. */
  mean?: (minute: number) => number;
  /** Least and greatest are so far from the mean. */
  spread?: number;
}

const inside = (minute: number, periods: Period[] = []) =>
  periods.some(([from, to]) => minute >= from && minute < to);

/**
 * Writes what a refresh would leave behind of a day.
 * @param minutes how much of the day is over.
 */
export async function playDay(
  database: TestDatabase,
  date: string,
  sensors: Played[],
  minutes = 1440,
): Promise<void> {
  await database.query(
    `INSERT INTO sluice.quality_watermark (filled_to) VALUES ($1::date AT TIME ZONE 'UTC' + $2 * INTERVAL '1 minute')
     ON CONFLICT (one) DO UPDATE SET filled_to = excluded.filled_to`,
    [date, minutes],
  );
  for (const sensor of sensors) await playSensor(database, date, sensor, minutes);
  const sums = `sum(expected), sum(received), sum(valid), sum(out_of_range), sum(unknown), sum(rejected), sum(duplicates),
    sum(conflicts), sum(late), sum(stuck), sum(jumps)`;
  const ofDay = `bucket >= $1::date AT TIME ZONE 'UTC' AND bucket < ($1::date + 1) AT TIME ZONE 'UTC'`;
  await database.query(
    `INSERT INTO gold.data_quality_hourly
     SELECT date_trunc('hour', bucket, 'UTC'), sensor_id, ${sums} FROM gold.data_quality_1min WHERE ${ofDay} GROUP BY 1, 2`,
    [date],
  );
  await database.query(
    `INSERT INTO gold.data_quality_daily
     SELECT $1::date, sensor_id, ${sums} FROM gold.data_quality_hourly WHERE ${ofDay} GROUP BY 2`,
    [date],
  );
}

async function playSensor(
  database: TestDatabase,
  date: string,
  sensor: Played,
  minutes: number,
): Promise<void> {
  const { id, registered = true, interval = 1, extra = {}, mean = () => 20, spread = 1 } = sensor;
  if (registered) {
    await database.query(
      `INSERT INTO silver.sensor (sensor_id, quantity, unit, location, expected_interval)
       VALUES ($1, $2, $3, $4, $5 * INTERVAL '1 second')`,
      [id, sensor.quantity ?? 'temperature', sensor.unit ?? '°C', sensor.location ?? null, interval],
    );
  }
  const day = Array.from({ length: minutes }, (_, minute) => minute).filter(
    minute => interval !== null || !inside(minute, sensor.gaps),
  );
  const came = day.map(minute => cameIn(sensor, minute));
  const bad = day.map((minute, i) => (inside(minute, sensor.faults) ? Math.ceil(came[i]! / 2) : 0));
  const at = (minute: number, n = 0) => (minute === 1300 ? n : 0);
  const { rejected, duplicates, conflicts, late, stuck, jumps } = extra;
  const sum = (minute: number) => at(minute, (rejected ?? 0) + (duplicates ?? 0) + (conflicts ?? 0));
  const valid = day.map((_, i) => (registered ? came[i]! - bad[i]! : 0));
  await database.query(
    `INSERT INTO gold.data_quality_1min SELECT $1::date AT TIME ZONE 'UTC' + minute * INTERVAL '1 minute', $2, $3::numeric, r, v, o, u, x, d, c, l, s, j
     FROM unnest($4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[], $11::int[], $12::int[], $13::int[], $14::int[])
       AS t (minute, r, v, o, u, x, d, c, l, s, j)`,
    [
      date,
      id,
      registered && interval !== null ? 60 / interval : null,
      day,
      day.map((minute, i) => came[i]! + sum(minute)),
      valid,
      registered ? bad : day.map(() => 0),
      day.map((_, i) => (registered ? 0 : came[i]!)),
      ...[rejected, duplicates, conflicts, late, stuck, jumps].map(n => day.map(minute => at(minute, n))),
    ],
  );
  const means = day.filter((_, i) => valid[i]! > 0);
  await database.query(
    `INSERT INTO gold.reading_1min_mean SELECT $1::date AT TIME ZONE 'UTC' + minute * INTERVAL '1 minute', $2, mean, mean - $3, mean + $3, 60
     FROM unnest($4::int[], $5::float8[]) AS t (minute, mean)`,
    [date, id, spread, means, means.map(mean)],
  );
}

function cameIn({ interval, gaps }: Played, minute: number): number {
  if (inside(minute, gaps)) return 0;
  const step = (interval ?? 1) / 60;
  return step <= 1 ? Math.round(1 / step) : minute % Math.round(step) === 0 ? 1 : 0;
}
