import type pg from 'pg';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { prepareRefresh, refreshStaleMinutes } from '../../../collector/gold/refresh.ts';
import { connect } from '../../../db/connect.ts';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';

/** The minute that tests begin in, in ms since 1970. */
export const MINUTE = Date.UTC(2025, 10, 12, 10, 15);
/** A clock by which all of that hour is over. */
const LATER = new Date(MINUTE + 3_600_000);

/** `second` counts from MINUTE. */
export const at = (second: number) => new Date(MINUTE + second * 1000);

export interface Row {
  id?: string;
  second: number;
  value?: number;
  quality?: 'valid' | 'out_of_range' | 'unknown_sensor';
  late?: boolean;
}

export interface Limits {
  expected_interval?: string;
  max_step_per_s?: number;
  max_stuck?: string;
  quantity?: string;
  location?: string;
}

/** Silver as a loader leaves it, by hand: rows and their marks in one transaction; and the refresh that follows. */
export class Silver implements AsyncDisposable {
  readonly client: pg.Client;

  constructor(client: pg.Client) {
    this.client = client;
  }

  static async open(database: TestDatabase): Promise<Silver> {
    const client = await connect(database.url, 'test', () => undefined);
    await prepareRefresh(client);
    return new Silver(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.end();
  }

  /** Empties every table. */
  async clear(): Promise<void> {
    await this.client.query(
      `TRUNCATE silver.sensor, bronze.raw_file, bronze.decoded_with, bronze.outlet_file, silver.rejected_line, silver.conflicting_reading, silver.sensor_reading,
         silver.seen_sensor, silver.duplicate_minute, gold.reading_1min_mean, gold.hourly_mean, gold.daily_mean,
         gold.data_quality_1min, gold.data_quality_hourly, gold.data_quality_daily, sluice.quality_watermark, sluice.stale_minute`,
    );
  }

  async register(id: string, limits: Limits = {}): Promise<void> {
    const { quantity = 'temperature', location, expected_interval, max_step_per_s, max_stuck } = limits;
    await this.client.query(
      `INSERT INTO silver.sensor (sensor_id, quantity, unit, location, expected_interval, max_step_per_s, max_stuck)
       VALUES ($1, $2, 'u', $3, $4, $5, $6) ON CONFLICT (sensor_id) DO UPDATE SET
         quantity = excluded.quantity, location = excluded.location, expected_interval = excluded.expected_interval,
         max_step_per_s = excluded.max_step_per_s, max_stuck = excluded.max_stuck`,
      [id, quantity, location, expected_interval, max_step_per_s, max_stuck],
    );
  }

  /** Stores readings, of sensor `a` where they do not say. Their sensors are first seen at `seenAt`. */
  async store(rows: Row[], seenAt = at(0)): Promise<void> {
    const columns = [
      rows.map(({ second }) => at(second).toISOString()),
      rows.map(({ id = 'a' }) => id),
      rows.map(({ value = 20 }) => value),
      rows.map(({ quality = 'valid' }) => quality),
      rows.map(({ late = false }) => late),
    ];
    await this.client.query(
      `WITH stored AS (
         INSERT INTO silver.sensor_reading (time, sensor_id, value, quality, late)
         SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::float8[], $4::text[], $5::boolean[])
         ON CONFLICT DO NOTHING RETURNING time, sensor_id
       ), seen AS (
         INSERT INTO silver.seen_sensor SELECT DISTINCT sensor_id, $6::timestamptz FROM stored ON CONFLICT DO NOTHING
       )
       INSERT INTO sluice.stale_minute SELECT DISTINCT date_trunc('minute', time, 'UTC'), sensor_id FROM stored`,
      [...columns, seenAt],
    );
  }

  /** Marks minutes by hand, as whoever changes silver by hand must. */
  async mark(id: string, ...seconds: number[]): Promise<void> {
    await this.client.query('INSERT INTO sluice.stale_minute SELECT unnest($1::timestamptz[]), $2', [
      seconds.map(second => at(second).toISOString()),
      id,
    ]);
  }

  refresh(now = LATER): Promise<number | undefined> {
    return refreshStaleMinutes(this.client, { now });
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test knows the columns that it asks for.
  async query(sql: string, values?: unknown[]): Promise<any[]> {
    return (await this.client.query(sql, values)).rows;
  }

  /** The seconds of the readings of a sensor that have a flag. */
  async flagged(flag: 'stuck' | 'jump', id = 'a'): Promise<number[]> {
    const rows = await this.query(
      `SELECT time FROM silver.sensor_reading WHERE ${flag} AND sensor_id = $1 ORDER BY time`,
      [id],
    );
    return rows.map(({ time }) => (time.getTime() - MINUTE) / 1000);
  }
}

/** Gives the tests of a `describe` a silver on a database of their own, empty before each of them. */
export function useSilver(
  options: Parameters<typeof newDatabase>[0],
  opened: (silver: Silver, database: TestDatabase) => void,
): void {
  let database: TestDatabase;
  let silver: Silver;
  beforeAll(async () => {
    database = await newDatabase(options);
    silver = await Silver.open(database);
    opened(silver, database);
  });
  afterAll(async () => {
    await silver[Symbol.asyncDispose]();
    await database.drop();
  });
  beforeEach(() => silver.clear());
}
