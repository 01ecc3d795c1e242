import type { ClientBase } from 'pg';
import { type Differences, LISTED } from './difference.ts';
import { expectedDifferences, goldPeriods, minuteDifferences, rollupDifferences } from './gold.ts';
import type { RemovedFiles } from './retired.ts';
import { seenDifferences } from './seen-sensors.ts';

/** How many sensors and days that no file of ours explains are looked at together. */
const TOGETHER = 500;
const DAY_MS = 86_400_000;

/** Which part of the tables is looked at: a UTC date, a sensor; undefined: all. */
export interface Scope {
  date?: string | undefined;
  sensor?: string | undefined;
}

interface SensorDay {
  sensor_id: string;
  day: string;
}

/** What `Partitions` must know of other files and of what silver keeps. */
interface PartitionOptions {
  /** Files of which silver may have rows that no line explains, of each data folder. */
  removed: RemovedFiles[];
  /** Other collectors, which are not looked at, store into the same database: rows that no file explains may be theirs. */
  shared: boolean;
  /** Of minutes before that gold says more than silver, which has forgotten them. */
  keptSince: Date | undefined;
  /** Also check what other settings may have made otherwise: how many readings were expected. */
  exhaustive: boolean;
}

/**
 * Checks silver and gold by sensor and day, the unit in which raw files are kept, many of them at once: that silver has no row
 * without a line, and that gold is what silver says.
 */
export class Partitions {
  readonly #client: ClientBase;
  readonly #options: PartitionOptions;
  readonly #differences: Differences;

  constructor(client: ClientBase, options: PartitionOptions, differences: Differences) {
    this.#client = client;
    this.#options = options;
    this.#differences = differences;
  }

  /** Makes the temporary tables; stale minutes are those of the snapshot that the connection has. */
  static async prepare(client: ClientBase): Promise<void> {
    await client.query(`
      CREATE TEMP TABLE audit_partition (sensor_id text, day timestamptz, PRIMARY KEY (sensor_id, day));
      CREATE TEMP TABLE audit_rest (day timestamptz, sensor_id text, PRIMARY KEY (day, sensor_id));
      CREATE TEMP TABLE audit_elsewhere (sensor_id text, time timestamptz);
      CREATE TEMP TABLE audit_now (
        sensor_id text, since timestamptz, until timestamptz, explained boolean, forgotten boolean, PRIMARY KEY (sensor_id, since)
      );
      CREATE TEMP TABLE audit_stale AS SELECT DISTINCT bucket, sensor_id FROM sluice.stale_minute;
      CREATE INDEX ON audit_stale (bucket, sensor_id);
      ANALYZE audit_stale`);
  }

  /** Minutes that loads have touched and the next refresh will recompute; gold is not held to them. */
  async staleMinutes(): Promise<number> {
    const { rows } = await this.#client.query<{ count: string }>('SELECT count(*) FROM audit_stale');
    return Number(rows[0]!.count);
  }

  /** Notes the keys in `audit_line` as explained by a file that is not one of our own by sensor and day. */
  async explainElsewhere(): Promise<void> {
    await this.#client.query(
      'INSERT INTO audit_elsewhere SELECT sensor_id, time FROM audit_line WHERE sensor_id IS NOT NULL',
    );
  }

  async elsewhereComplete(): Promise<void> {
    await this.#client.query(
      'CREATE INDEX IF NOT EXISTS audit_elsewhere_key ON audit_elsewhere (sensor_id, time); ANALYZE audit_elsewhere',
    );
  }

  /** Checks the sensors and days whose lines are in `audit_line`. */
  async checkLoaded(): Promise<void> {
    const { rows } = await this.#client.query<SensorDay>(
      `INSERT INTO audit_partition
       SELECT DISTINCT sensor_id, date_trunc('day', time, 'UTC') FROM audit_line WHERE sensor_id IS NOT NULL
       ON CONFLICT DO NOTHING RETURNING sensor_id, day::text`,
    );
    await this.#check(rows, true);
  }

  /** Checks what silver and gold have beyond the sensors and days that were checked: no file of ours by sensor and day explains it. */
  async checkRest({ date, sensor }: Scope): Promise<void> {
    await this.#client.query(
      `INSERT INTO audit_rest
       WITH present AS (
         ${[{ table: 'silver.sensor_reading', since: 'time' }, ...goldPeriods].map(daysOf).join(' UNION ')}
       )
       SELECT day, sensor_id FROM present p
       WHERE NOT EXISTS (SELECT FROM audit_partition a WHERE a.sensor_id = p.sensor_id AND a.day = p.day)`,
      [date ?? null, sensor ?? null],
    );
    let last: SensorDay | undefined = { day: '-infinity', sensor_id: '' };
    while (last !== undefined) {
      const { rows }: { rows: SensorDay[] } = await this.#client.query<SensorDay>(
        `SELECT day::text, sensor_id FROM audit_rest WHERE (day, sensor_id) > ($1::timestamptz, $2) ORDER BY day, sensor_id LIMIT ${TOGETHER}`,
        [last.day, last.sensor_id],
      );
      await this.#check(rows, false);
      last = rows.at(-1);
    }
    const isWhole = date === undefined && this.#options.keptSince === undefined;
    for (const difference of await seenDifferences(this.#client, { sensor, isWhole }))
      this.#differences.add(difference);
  }

  /** @param loaded whether the lines of these sensors and days are in `audit_line`. */
  async #check(sensorDays: SensorDay[], loaded: boolean): Promise<void> {
    if (sensorDays.length === 0) return;
    const { removed, shared, keptSince } = this.#options;
    const days = sensorDays.map(({ sensor_id, day }) => {
      const since = new Date(day);
      const forgotten = keptSince !== undefined && since < keptSince;
      const explained = shared || forgotten || removed.some(files => files.explains(sensor_id, since));
      return { sensorId: sensor_id, since, until: new Date(since.getTime() + DAY_MS), explained, forgotten };
    });
    await this.#client.query('TRUNCATE audit_now');
    await this.#client.query(
      'INSERT INTO audit_now SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::boolean[], $5::boolean[])',
      (['sensorId', 'since', 'until', 'explained', 'forgotten'] as const).map(name =>
        days.map(day => day[name]),
      ),
    );
    await this.#client.query('ANALYZE audit_now');
    const times = days.map(({ since }) => since.getTime());
    const least = times.reduce((a, b) => Math.min(a, b));
    const greatest = times.reduce((a, b) => Math.max(a, b)) + DAY_MS;
    const bounds = [new Date(least), new Date(greatest)];
    if (days.some(({ explained }) => !explained)) {
      await this.#collect('unexplained_reading', unexplainedRows(loaded), bounds);
    }
    const ofMinutes = this.#options.exhaustive
      ? [...minuteDifferences, ...expectedDifferences]
      : minuteDifferences;
    const selects = days.every(({ forgotten }) => forgotten)
      ? rollupDifferences
      : [...ofMinutes, ...rollupDifferences];
    for (const select of selects) await this.#collect('gold', select, bounds);
  }

  async #collect(kind: 'unexplained_reading' | 'gold', select: string, bounds: Date[]): Promise<void> {
    const { rows } = await this.#client.query<{ what: string; of: string }>(
      `SELECT what, count(*) OVER () AS of FROM (${select}) d ORDER BY sensor_id, since LIMIT ${LISTED}`,
      bounds,
    );
    this.#differences.addSome(
      Number(rows[0]?.of ?? 0),
      rows.map(({ what }) => ({ kind, what })),
    );
  }
}

/** Rows of silver that no line explains: of `audit_line`, where the lines are there, or of a file from elsewhere. */
function unexplainedRows(loaded: boolean): string {
  const byLine = 'NOT EXISTS (SELECT FROM audit_line l WHERE l.sensor_id = s.sensor_id AND l.time = s.time)';
  return `
    SELECT 'row of ' || s.sensor_id || ' at ' || s.time || ' in silver.sensor_reading has no line in a raw file' AS what,
      s.sensor_id, s.time AS since
    FROM silver.sensor_reading s JOIN audit_now n ON s.sensor_id = n.sensor_id AND s.time >= n.since AND s.time < n.until
    WHERE s.time >= $1 AND s.time < $2 AND NOT n.explained ${loaded ? `AND ${byLine}` : ''}
      AND NOT EXISTS (SELECT FROM audit_elsewhere e WHERE e.sensor_id = s.sensor_id AND e.time = s.time)`;
}

/** The sensors and days of a table. `since` is SQL. $1: a date, $2: a sensor, or NULL. */
function daysOf({ table, since }: { table: string; since: string }): string {
  return `
    SELECT DISTINCT sensor_id, date_trunc('day', ${since}, 'UTC') AS day FROM ${table}
    WHERE ($1::text IS NULL OR (${since} >= ($1 || 'T00:00:00Z')::timestamptz AND ${since} < ($1 || 'T00:00:00Z')::timestamptz + INTERVAL '24 hours'))
      AND ($2::text IS NULL OR sensor_id = $2)`;
}
