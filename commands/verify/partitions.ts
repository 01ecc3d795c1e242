import type { ClientBase } from 'pg';
import { keptSince } from '../../collector/silver/kept-since.ts';
import type { Difference } from './comparison.ts';
import { goldPeriods, minuteDifferences, rollupDifferences } from './gold.ts';
import type { RemovedFiles } from './retired.ts';

const LISTED = 10;

/** Which part of the tables is looked at: a UTC date, a sensor; undefined: all. */
export interface Scope {
  date?: string | undefined;
  sensor?: string | undefined;
}

/**
 * Checks silver and gold by sensor and day, the unit in which raw files are kept: that silver has no row without a line,
 * and that gold is what silver says.
 */
export class Partitions {
  readonly #client: ClientBase;
  readonly differences: Difference[] = [];
  count = 0;
  /** Other collectors store into the same database: rows that our files do not explain may be theirs. */
  shared = false;
  /** Of minutes before that gold says more than silver, which has forgotten them. */
  #keptSince = new Date(Number.NaN);

  readonly #removed: RemovedFiles;

  /** @param removed files of which silver may have rows that no line explains. */
  constructor(client: ClientBase, removed: RemovedFiles) {
    this.#client = client;
    this.#removed = removed;
  }

  /** Makes its temporary tables; stale minutes are those of the snapshot that the connection has. */
  async prepare(): Promise<void> {
    await this.#client.query(`
      CREATE TEMP TABLE audit_partition (sensor_id varchar, day timestamptz, PRIMARY KEY (sensor_id, day));
      CREATE TEMP TABLE audit_elsewhere (sensor_id varchar, time timestamptz);
      CREATE TEMP TABLE audit_stale AS SELECT DISTINCT bucket, sensor_id FROM sluice.stale_minute;
      CREATE INDEX ON audit_stale (bucket, sensor_id);
      ANALYZE audit_stale`);
    this.#keptSince = (await keptSince(this.#client)) ?? this.#keptSince;
  }

  /** Minutes that loads have touched and the next refresh will recompute; gold is not held to them. */
  async staleMinutes(): Promise<number> {
    const { rows } = await this.#client.query<{ count: string }>('SELECT count(*) FROM audit_stale');
    return Number(rows[0]!.count);
  }

  /** Notes the keys in `audit_line` as explained by a file that is not partitioned by sensor and day. */
  async explainElsewhere(): Promise<void> {
    await this.#client.query(
      'INSERT INTO audit_elsewhere SELECT sensor_id, time FROM audit_line WHERE sensor_id IS NOT NULL',
    );
  }

  async elsewhereComplete(): Promise<void> {
    await this.#client.query('CREATE INDEX ON audit_elsewhere (sensor_id, time); ANALYZE audit_elsewhere');
  }

  /** Checks the sensors and days whose lines are in `audit_line`. */
  async checkLoaded(): Promise<void> {
    const { rows } = await this.#client.query<{ sensor_id: string; day: string }>(
      `INSERT INTO audit_partition
       SELECT DISTINCT sensor_id, date_trunc('day', time, 'UTC') FROM audit_line WHERE sensor_id IS NOT NULL
       ON CONFLICT DO NOTHING RETURNING sensor_id, day::text`,
    );
    for (const { sensor_id, day } of rows) await this.#check(sensor_id, day, true);
  }

  /** Checks what silver and gold have beyond the sensors and days that were checked: no file of ours explains it. */
  async checkRest({ date, sensor }: Scope): Promise<void> {
    const { rows } = await this.#client.query<{ sensor_id: string; day: string }>(
      `WITH present AS (
         ${[{ table: 'silver.sensor_reading', since: 'time' }, ...goldPeriods].map(daysOf).join(' UNION ')}
       )
       SELECT sensor_id, day::text FROM present p
       WHERE NOT EXISTS (SELECT FROM audit_partition a WHERE a.sensor_id = p.sensor_id AND a.day = p.day)
       ORDER BY day, sensor_id`,
      [date ?? null, sensor ?? null],
    );
    for (const { sensor_id, day } of rows) await this.#check(sensor_id, day, false);
  }

  /** @param loaded whether the lines of this sensor and day are in `audit_line`. */
  async #check(sensorId: string, day: string, loaded: boolean): Promise<void> {
    const from = new Date(day);
    const to = new Date(from.getTime() + 86_400_000);
    const explained = this.shared || from < this.#keptSince || this.#removed.explains(sensorId, from);
    if (!explained) await this.#checkRows(sensorId, from, to, loaded);
    const selects = from < this.#keptSince ? rollupDifferences : [...minuteDifferences, ...rollupDifferences];
    // There may be many sensors and days: under a name, a statement is planned once.
    for (const { name, select } of selects) await this.#collect(select, [sensorId, from, to], name);
  }

  async #checkRows(sensorId: string, from: Date, to: Date, loaded: boolean): Promise<void> {
    const explained = loaded
      ? 'EXISTS (SELECT FROM audit_line l WHERE l.sensor_id = s.sensor_id AND l.time = s.time) OR'
      : '';
    await this.#collect(
      `SELECT 'row of ' || sensor_id || ' at ' || time || ' in silver.sensor_reading has no line in a raw file' AS what
       FROM silver.sensor_reading s
       WHERE sensor_id = $1 AND time >= $2 AND time < $3
         AND NOT (${explained} EXISTS (SELECT FROM audit_elsewhere e WHERE e.sensor_id = s.sensor_id AND e.time = s.time))
       ORDER BY time`,
      [sensorId, from, to],
    );
  }

  async #collect(select: string, values: unknown[], name?: string): Promise<void> {
    const text = `SELECT what, count(*) OVER () AS of FROM (${select}) d LIMIT ${LISTED}`;
    const { rows } = await this.#client.query<{ what: string; of: string }>({
      text,
      values,
      ...(name && { name }),
    });
    this.count += Number(rows[0]?.of ?? 0);
    for (const { what } of rows) if (this.differences.length < LISTED) this.differences.push({ what });
  }
}

/** The sensors and days of a table. `since` is SQL. $1: a date, $2: a sensor, or NULL. */
function daysOf({ table, since }: { table: string; since: string }): string {
  return `
    SELECT DISTINCT sensor_id, date_trunc('day', ${since}, 'UTC') AS day FROM ${table}
    WHERE ($1::text IS NULL OR (${since} >= ($1 || 'T00:00:00Z')::timestamptz AND ${since} < ($1 || 'T00:00:00Z')::timestamptz + INTERVAL '24 hours'))
      AND ($2::text IS NULL OR sensor_id = $2)`;
}
