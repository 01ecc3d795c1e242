import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { Backoff } from '../../base/backoff.ts';
import { errorText } from '../../base/errors.ts';
import { utcDate } from '../../base/time.ts';
import { KEPT_SINCE } from '../../collector/silver/kept-since.ts';
import { type Quality, qualitySql, REGISTRY_CHANNEL } from '../../collector/silver/registry.ts';
import { remedyOf } from '../../collector/silver/remedy.ts';
import { sever } from '../../db/connect.ts';
import { isLacking } from '../../db/lacking.ts';
import type { SensorDays } from './sensor-days.ts';

/** Sensors whose day is looked through by one statement; it reads, and holds up nobody. */
const SENSORS_AT_ONCE = 200;
/** Rows that one transaction changes, about: who stores or refreshes the same rows waits for no more. */
const ROWS_AT_ONCE = 100_000;
const MOST_ATTEMPTS = 6;
const DAY_MS = 86_400_000;

export interface ReclassifyOptions {
  connect: () => Promise<pg.Client>;
  log: Logger;
  /** Only these sensors and days; undefined: all of silver. */
  only?: SensorDays | undefined;
  /** Only say what would change. */
  dryRun: boolean;
  /** @param part from 0 to 1. @param day being classified. */
  progress: (part: number, day: string) => void;
}

/** Rows of a sensor whose quality was, or would be, changed. */
export interface Change {
  sensorId: string;
  from: Quality;
  to: Quality;
  rows: number;
}

interface Found extends Change {
  /** The first and the last of the rows, as PostgreSQL writes them. */
  first: string;
  last: string;
}

/**
 * Classifies what is in silver again, by the registry as the database has it now, and queues all minutes of it: means, flags
 * and the quality of data follow with the next refresh.
 *
 * It goes by UTC day and changes only rows that are classified differently, each few with their minutes in one transaction:
 * it can be interrupted, begun again and run beside live traffic. It ends with a second look at the days that were
 * loaded meanwhile, since a collector may not have known the new registry yet.
 */
export class Reclassification {
  readonly #options: ReclassifyOptions;
  readonly #changes = new Map<string, Change>();
  #client: pg.Client | undefined;
  /** UTC date. What was before has been removed from silver, and gold keeps what it said. */
  #keptSince = '';
  /** Minutes that were queued. */
  minutes = 0;

  constructor(options: ReclassifyOptions) {
    this.#options = options;
  }

  /** @returns what was changed, by sensor and quality. */
  async run(): Promise<Change[]> {
    const { dryRun, only } = this.#options;
    const began = dryRun ? undefined : await this.#tellCollectors();
    const [kept] = await this.#query<{ since: string }>(
      `SELECT (${KEPT_SINCE}::timestamptz AT TIME ZONE 'UTC')::date::text AS since`,
    );
    this.#keptSince = kept!.since;
    const sensors = await this.#sensors();
    if (only === undefined) await this.#classifyAll(sensors);
    else await this.#classifyOnly(only);
    for (const day of began === undefined ? [] : await this.#loadedSince(began)) {
      const again = only === undefined ? sensors : [...(only.get(day) ?? [])];
      await this.#classifyDay(day, again, false);
    }
    return [...this.#changes.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  /** Disconnects. */
  end(): void {
    if (this.#client !== undefined) sever(this.#client);
    this.#client = undefined;
  }

  async #classifyAll(sensors: string[]): Promise<void> {
    const [range] = await this.#query<{ first: Date | null; last: Date | null }>(
      `SELECT (SELECT min(time) FROM silver.sensor_reading) AS first,
         greatest((SELECT max(time) FROM silver.sensor_reading), (SELECT filled_to FROM sluice.quality_watermark)) AS last`,
    );
    const { first, last } = range!;
    if (first === null || last === null) return;
    for (let day = await this.#nextDay('-infinity'); day !== undefined; ) {
      const time = Date.parse(day);
      this.#options.progress(Math.max(0, time - first.getTime()) / (last.getTime() - first.getTime()), day);
      await this.#classifyDay(day, sensors, true);
      day = await this.#nextDay(utcDate((time + DAY_MS) * 1000));
    }
  }

  async #classifyOnly(only: SensorDays): Promise<void> {
    let done = 0;
    for (const [day, sensors] of [...only].sort()) {
      this.#options.progress(done++ / only.size, day);
      await this.#classifyDay(day, [...sensors], true);
    }
  }

  /** @param queueAll also queue the minutes of rows that are classified as before. */
  async #classifyDay(day: string, sensors: string[], queueAll: boolean): Promise<void> {
    if (day < this.#keptSince) return;
    for (let at = 0; at < sensors.length; at += SENSORS_AT_ONCE) {
      const some = sensors.slice(at, at + SENSORS_AT_ONCE);
      for (const found of await this.#differing(day, some)) {
        if (this.#options.dryRun) this.#count(found);
        else await this.#change(day, found);
      }
      if (queueAll && !this.#options.dryRun) await this.#queueMinutes(day, some);
    }
  }

  #differing(day: string, sensors: string[]): Promise<Found[]> {
    return this.#query<Found>(
      `SELECT r.sensor_id AS "sensorId", r.quality AS "from", ${qualitySql} AS "to", count(*)::float8 AS rows,
         min(r.time)::text AS first, max(r.time)::text AS last
       FROM silver.sensor_reading r LEFT JOIN silver.sensor s USING (sensor_id)
       WHERE r.sensor_id = ANY ($2::text[]) AND r.quality <> ${qualitySql} AND ${inDay('r.time')}
       GROUP BY 1, 2, 3`,
      [day, sensors],
    );
  }

  /** Changes the rows by ranges of the day that are long enough for about ROWS_AT_ONCE of them. */
  async #change(day: string, found: Found): Promise<void> {
    const steps = Math.min(DAY_MS, Math.ceil(found.rows / ROWS_AT_ONCE));
    const begin = Date.parse(day);
    for (let step = 0; step < steps; step++) {
      const [from, to] = [step, step + 1].map(n => new Date(begin + Math.floor((n / steps) * DAY_MS)));
      // The sensor and the bounds let TimescaleDB leave compressed what does not change.
      const [changed] = await this.#query<{ rows: number }>(
        `WITH changed AS (
           UPDATE silver.sensor_reading r SET quality = ${qualitySql}
           FROM (SELECT) one LEFT JOIN silver.sensor s ON s.sensor_id = $1
           WHERE r.sensor_id = $1 AND r.time >= $2 AND r.time < $3 AND r.time BETWEEN $4 AND $5
             AND r.quality = $6 AND ${qualitySql} = $7
           RETURNING r.time
         ), queued AS (
           INSERT INTO sluice.stale_minute (bucket, sensor_id)
           SELECT DISTINCT date_trunc('minute', time, 'UTC'), $1::varchar FROM changed
         )
         SELECT count(*)::float8 AS rows FROM changed`,
        [found.sensorId, from, to, found.first, found.last, found.from, found.to],
      );
      this.#count({ ...found, rows: changed!.rows });
    }
  }

  /** Queues minutes with readings, with a row of data quality, and those that should have one by the interval. */
  async #queueMinutes(day: string, sensors: string[]): Promise<void> {
    const [queued] = await this.#query<{ minutes: number }>(
      `WITH queued AS (
         INSERT INTO sluice.stale_minute (bucket, sensor_id)
         SELECT date_trunc('minute', time, 'UTC'), sensor_id FROM silver.sensor_reading
         WHERE sensor_id = ANY ($2::text[]) AND ${inDay('time')}
         UNION
         SELECT bucket, sensor_id FROM gold.data_quality_1min
         WHERE sensor_id = ANY ($2::text[]) AND ${inDay('bucket')}
         UNION
         SELECT minute, s.sensor_id
         FROM silver.sensor s JOIN silver.seen_sensor seen USING (sensor_id), sluice.quality_watermark,
           generate_series(
             greatest(${DAY}, date_trunc('minute', seen_at, 'UTC')),
             least(${DAY} + INTERVAL '1 day', filled_to) - INTERVAL '1 minute', INTERVAL '1 minute'
           ) minute
         WHERE s.sensor_id = ANY ($2::text[]) AND s.expected_interval IS NOT NULL
         RETURNING 1
       )
       SELECT count(*)::float8 AS minutes FROM queued`,
      [day, sensors],
    );
    this.minutes += queued!.minutes;
  }

  /** The next UTC date, from one on, that has anything to classify or to count. */
  async #nextDay(from: string): Promise<string | undefined> {
    const [next] = await this.#query<{ day: string | null }>(
      `SELECT (least(
         (SELECT min(time) FROM silver.sensor_reading WHERE time >= since),
         (SELECT min(bucket) FROM gold.data_quality_1min WHERE bucket >= since),
         (SELECT min(greatest(seen_at, since))
          FROM silver.sensor JOIN silver.seen_sensor USING (sensor_id), sluice.quality_watermark
          WHERE expected_interval IS NOT NULL AND greatest(seen_at, since) < filled_to)
       ) AT TIME ZONE 'UTC')::date::text AS day
       FROM (SELECT $1::date::timestamp AT TIME ZONE 'UTC' AS since) d`,
      [from],
    );
    return next!.day ?? undefined;
  }

  async #sensors(): Promise<string[]> {
    const rows = await this.#query<{ sensor_id: string }>(
      'SELECT sensor_id FROM silver.seen_sensor UNION SELECT sensor_id FROM gold.data_quality_daily ORDER BY 1',
    );
    return rows.map(({ sensor_id }) => sensor_id);
  }

  /** Collectors read the registry again before their next batch. @returns the time of the database. */
  async #tellCollectors(): Promise<string> {
    await this.#query(`NOTIFY ${REGISTRY_CHANNEL}`);
    const [{ now }] = (await this.#query<{ now: string }>('SELECT now()::text AS now')) as [{ now: string }];
    return now;
  }

  /** UTC dates whose raw files were loaded from, also by batches that had begun before. */
  async #loadedSince(began: string): Promise<string[]> {
    const rows = await this.#query<{ day: string }>(
      `SELECT DISTINCT left(path, 10) AS day FROM bronze.raw_file
       WHERE loaded_at >= $1::timestamptz - INTERVAL '1 minute' AND path ~ '^\\d{4}-\\d\\d-\\d\\d[T_]' ORDER BY 1`,
      [began],
    );
    return rows.map(({ day }) => day);
  }

  #count({ sensorId, from, to, rows }: Change): void {
    if (rows === 0) return;
    const key = keyOf({ sensorId, from, to });
    this.#changes.set(key, { sensorId, from, to, rows: (this.#changes.get(key)?.rows ?? 0) + rows });
  }

  async #connect(): Promise<pg.Client> {
    const client = await this.#options.connect();
    // Rows of compressed chunks are decompressed to be changed, as many as it takes. Plain PostgreSQL has no such setting.
    await client.query(
      `SELECT set_config(name, '0', false) FROM pg_settings
       WHERE name = 'timescaledb.max_tuples_decompressed_per_dml_transaction'`,
    );
    return client;
  }

  /** Runs a statement, which is a transaction; again after a deadlock, or on a new connection where it broke. */
  async #query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const backoff = new Backoff(200, 10_000);
    for (let attempt = 1; ; attempt++) {
      try {
        this.#client ??= await this.#connect();
        return (await this.#client.query<Row>(text, values)).rows;
      } catch (error) {
        if (remedyOf(error) !== 'retry' || isLacking(error) || attempt >= MOST_ATTEMPTS) throw error;
        this.#options.log.debug({ reason: errorText(error) }, 'classifying again');
        this.end();
        await sleep(backoff.next());
      }
    }
  }
}

/** SQL: the begin of the day $1. */
const DAY = `($1::date::timestamp AT TIME ZONE 'UTC')`;

/** SQL: whether a column is of the day $1. */
function inDay(column: string): string {
  return `${column} >= ${DAY} AND ${column} < ${DAY} + INTERVAL '1 day'`;
}

function keyOf({ sensorId, from, to }: Omit<Change, 'rows'>): string {
  return JSON.stringify([sensorId, from, to]);
}
