import type pg from 'pg';
import type { LateMark } from '../../collector/bronze/late-marks.ts';
import type { BronzeLine } from './bronze.ts';
import { greatestValue, leastValue } from './messages.ts';

/** SQL: whether a reading had no time of its own. */
const IS_ENVELOPE = "sensor_id LIKE 'plain/%'";

interface SilverRow {
  value: number;
  quality: string;
  late: boolean;
}

/** What `LATE_MINUTES` says by default; s. */
const LATE_S = 300;

/** What silver must hold of one sensor in a raw file, worked out from its lines alone. */
interface Expectation {
  /** By time, as `dt` is written in the run. */
  rows: Map<string, SilverRow>;
  /** `<byte offset> <stored value> <conflicting value>` */
  conflicts: string[];
  /** Byte offsets of lines without a storable value. */
  rejected: string[];
}

/** Compares silver with the raw files, one file at a time. */
export class Silver {
  readonly #client: pg.Client;
  readonly violations: string[] = [];
  /** Rows that must be there, over all files that were compared. */
  expectedRows = 0;
  missingRows = 0;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /**
   * A raw file and the marks beside it hold one sensor and UTC date, or all sensors of an hour, so they explain all rows of those,
   * and those them.
   */
  async compare(file: string, lines: readonly BronzeLine[], marks: readonly LateMark[]): Promise<void> {
    if (lines.length === 0) return;
    const conflicts: string[] = [];
    const rejected: string[] = [];
    for (const [sensor, some] of Map.groupBy(lines, ({ text }) => JSON.parse(text).id as string)) {
      const expected = expect(
        some,
        marks.filter(mark => mark.sensor === undefined || mark.sensor === sensor),
      );
      this.expectedRows += expected.rows.size;
      await this.#compareRows(file, sensor, expected.rows);
      conflicts.push(...expected.conflicts);
      rejected.push(...expected.rejected);
    }
    await this.#compareList(
      file,
      'silver.conflicting_reading',
      `SELECT byte_offset || ' ' || stored_value || ' ' || conflicting_value AS entry
       FROM silver.conflicting_reading WHERE path = $1`,
      conflicts,
    );
    await this.#compareList(
      file,
      'silver.rejected_line',
      'SELECT byte_offset::text AS entry FROM silver.rejected_line WHERE path = $1',
      rejected,
    );
  }

  async #compareRows(file: string, sensor: string, expected: ReadonlyMap<string, SilverRow>): Promise<void> {
    const isOfHour = file[10] === 'T';
    const begin = isOfHour ? `${file.slice(0, 13)}:00:00Z` : `${file.slice(0, 10)}T00:00:00Z`;
    const { rows } = await this.#client.query<{ dt: string } & SilverRow>(
      `SELECT to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS dt, value, quality, late
       FROM silver.sensor_reading
       WHERE sensor_id = $1 AND time >= $2::timestamptz AND time < $2::timestamptz + $3::interval`,
      [sensor, begin, isOfHour ? '1 hour' : '24 hours'],
    );
    const found = new Map(rows.map(row => [row.dt, row]));
    for (const [dt, wanted] of expected) {
      const row = found.get(dt);
      if (row === undefined) {
        this.missingRows++;
        this.violations.push(`${file}: the reading of ${dt} is not in silver`);
      } else if (say(row) !== say(wanted)) {
        this.violations.push(`${file}: silver has ${say(row)} at ${dt}, the first line says ${say(wanted)}`);
      }
    }
    for (const dt of found.keys()) {
      if (!expected.has(dt))
        this.violations.push(`${file}: silver has a reading of ${dt}, and no line says so`);
    }
  }

  async #compareList(
    file: string,
    table: string,
    select: string,
    expected: readonly string[],
  ): Promise<void> {
    const { rows } = await this.#client.query<{ entry: string }>(select, [file]);
    const found = new Set(rows.map(({ entry }) => entry));
    const wanted = new Set(expected);
    for (const entry of wanted.difference(found))
      this.violations.push(`${file}: ${entry} is not in ${table}`);
    for (const entry of found.difference(wanted)) {
      this.violations.push(`${file}: ${table} has ${entry}, and no line says so`);
    }
  }

  /** How often each publication without a time of its own is stored. */
  async storedEnvelopes(): Promise<Map<number, number>> {
    const { rows } = await this.#client.query<{ n: number; count: number }>(
      `SELECT value::int AS n, count(*)::int AS count FROM silver.sensor_reading WHERE ${IS_ENVELOPE} GROUP BY 1`,
    );
    return new Map(rows.map(({ n, count }) => [n, count]));
  }

  /** What the tables hold beyond the files that were compared. */
  async compareTotals(ledgerLines: ReadonlyMap<string, number>): Promise<{ doubleLines: number }> {
    const { rows } = await this.#client.query<{ count: string }>(
      `SELECT count(*) FROM silver.sensor_reading WHERE NOT (${IS_ENVELOPE})`,
    );
    const extra = Number(rows[0]!.count) - this.expectedRows + this.missingRows;
    if (extra > 0) this.violations.push(`silver holds ${extra} rows that no raw file explains`);
    const ledger = await this.#client.query<{ path: string; lines: string }>(
      'SELECT path, lines FROM bronze.raw_file',
    );
    let doubleLines = 0;
    for (const { path, lines } of ledger.rows) {
      const difference = Number(lines) - (ledgerLines.get(path) ?? 0);
      if (difference !== 0)
        this.violations.push(`${path}: bronze.raw_file counts ${difference} lines too many`);
      doubleLines += Math.max(0, difference);
    }
    const [sums] = (
      await this.#client.query<{ counted: string; ledger: string }>(
        `SELECT (SELECT coalesce(sum(n), 0) FROM silver.duplicate_minute) AS counted, sum(duplicates) AS ledger
         FROM bronze.raw_file`,
      )
    ).rows;
    if (sums!.counted !== sums!.ledger)
      this.violations.push(
        `silver.duplicate_minute counts ${sums!.counted} duplicates, bronze.raw_file ${sums!.ledger}`,
      );
    return { doubleLines };
  }
}

function say({ value, quality, late }: SilverRow): string {
  return `${value} (${quality}${late ? ', late' : ''})`;
}

function expect(lines: readonly BronzeLine[], marks: readonly LateMark[]): Expectation {
  const expected: Expectation = { rows: new Map(), conflicts: [], rejected: [] };
  let newest = 0;
  for (const { text, offset } of lines) {
    const { id, dt, value } = JSON.parse(text) as { id: string; dt: string; value: unknown };
    const before = marks.filter(({ from }) => from <= offset);
    newest = Math.max(newest, ...before.map(mark => mark.newest ?? 0));
    const aheadOf = before.findLast(mark => mark.aheadOf !== undefined)?.aheadOf ?? Number.POSITIVE_INFINITY;
    const second = Math.floor(Date.parse(dt) / 1000);
    const late = newest - second > LATE_S;
    if (second <= aheadOf) newest = Math.max(newest, second);
    if (typeof value !== 'number') {
      expected.rejected.push(String(offset));
      continue;
    }
    const first = expected.rows.get(dt);
    if (first === undefined) expected.rows.set(dt, { value, quality: qualityOf(id, value), late });
    else if (first.value !== value) expected.conflicts.push(`${offset} ${first.value} ${value}`);
  }
  return expected;
}

function qualityOf(sensor: string, value: number): string {
  if (!sensor.startsWith('Sensor ')) return 'unknown_sensor';
  return value < leastValue || value > greatestValue ? 'out_of_range' : 'valid';
}
