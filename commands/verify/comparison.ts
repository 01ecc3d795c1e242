import type { ClientBase } from 'pg';
import { type Counters, emptyCounters } from '../../collector/silver/counters.ts';
import { type Difference, type DifferenceKind, LISTED } from './difference.ts';
import { IS_READING } from './line-table.ts';

/**
 * What became of the lines in `audit_line`, by file number, as silver shows it. `missing` lines are in no table; `forgotten`
 * ones are of days that silver does not keep, and may be anywhere. `wrong` ones are not where they belong, or not as they are.
 */
export type Classified = Counters & { missing: number; forgotten: number; wrong: number };

/** What lines are compared with. */
export interface ComparisonOptions {
  collector: string;
  /** The ledger's paths, by the file numbers of `audit_line`. */
  files: string[];
  /** Readings before this are not kept; undefined: all are. */
  keptSince: Date | undefined;
  /** Also compare what another version of Sluice, or other settings, may have judged otherwise: late, inexact, and why a line was rejected. */
  exhaustive: boolean;
}

/*
 * The lines beside what silver has under their keys. The bounds are constants for the planner, so that TimescaleDB leaves
 * out the chunks of other days.
 */
const judged = `
  beside AS (
    SELECT l.*, s.value AS silver_value, s.quality AS silver_quality, s.late AS silver_late, s.inexact AS silver_inexact,
      r.byte_offset IS NOT NULL AS refused, c.byte_offset IS NOT NULL AS kept,
      row_number() OVER (PARTITION BY l.sensor_id, l.time ORDER BY l.file, l.line, l.reading) AS nth,
      coalesce(
        l.time < $5::timestamptz,
        f.path ~ '^\\d{4}-\\d\\d-\\d\\d'
          AND left(f.path, 10) < to_char($5::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
        false
      ) AS forgotten,
      (c.sensor_id, c.time, c.conflicting_value, c.stored_value) IS NOT DISTINCT FROM (l.sensor_id::varchar, l.time, l.value, s.value)
        AS kept_as_it_is,
      encode(sha256(convert_to(r.line, 'UTF8')), 'hex') = l.text_sha256 AND (
        NOT $6::boolean OR (r.reason, r.time, r.sensor_id::text) IS NOT DISTINCT FROM (l.reason, l.time, l.said_sensor_id)
      ) AS refused_as_it_is
    FROM audit_line l
    -- An element of a long array would be searched for from its beginning, for each line.
    JOIN unnest($2::text[]) WITH ORDINALITY f (path, number) ON f.number = l.file + 1
    LEFT JOIN silver.sensor_reading s
      ON s.sensor_id = l.sensor_id AND s.time = l.time AND s.time BETWEEN $3::timestamptz AND $4::timestamptz
    LEFT JOIN silver.rejected_line r
      ON r.collector = $1 AND r.path = f.path AND r.byte_offset = l.byte_offset
        AND r.reading = l.reading
    LEFT JOIN silver.conflicting_reading c
      ON c.collector = $1 AND c.path = f.path AND c.byte_offset = l.byte_offset
        AND c.reading = l.reading
  ), judged AS (
    SELECT *, CASE
      WHEN forgotten THEN NULL
      WHEN reason IS NOT NULL AND NOT refused THEN 'missing_rejection'
      WHEN reason IS NOT NULL AND NOT refused_as_it_is THEN 'changed_rejection'
      WHEN reason IS NOT NULL THEN NULL
      WHEN ${IS_READING} AND silver_value IS NULL AND NOT refused THEN 'missing_reading'
      WHEN silver_value <> value AND NOT kept THEN 'missing_conflict'
      WHEN silver_value <> value AND NOT kept_as_it_is THEN 'changed_conflict'
      WHEN silver_value = value AND kept THEN 'surplus_conflict'
      WHEN silver_value = value AND silver_quality <> quality AND nth = 1 THEN 'quality'
      WHEN silver_value = value AND silver_late <> late AND nth = 1 AND $6::boolean THEN 'late'
      WHEN silver_value = value AND silver_inexact <> inexact AND nth = 1 AND $6::boolean THEN 'inexact'
    END AS difference
    FROM beside
  )`;

/** A sentence about a line for each kind, as SQL over `judged`. */
const sentence = `
  CASE difference
    WHEN 'missing_rejection' THEN 'cannot be stored (' || reason || ') and is not in silver.rejected_line'
    WHEN 'changed_rejection' THEN 'cannot be stored (' || reason || ') and is in silver.rejected_line with another text, reason, sensor or time'
    WHEN 'missing_reading' THEN 'reading of ' || sensor_id || ' at ' || time || ' is not in silver.sensor_reading'
    WHEN 'missing_conflict' THEN 'value ' || value || ' of ' || sensor_id || ' at ' || time || ' is ' || silver_value
      || ' in silver.sensor_reading, and not in silver.conflicting_reading'
    WHEN 'changed_conflict' THEN 'value ' || value || ' of ' || sensor_id || ' at ' || time || ' is ' || silver_value
      || ' in silver.sensor_reading, and silver.conflicting_reading says other values, another sensor or time'
    WHEN 'surplus_conflict' THEN 'value ' || value || ' of ' || sensor_id || ' at ' || time
      || ' is in silver.sensor_reading, and also in silver.conflicting_reading'
    WHEN 'quality' THEN 'reading of ' || sensor_id || ' at ' || time || ' is ' || silver_quality || ', by the registry it is ' || quality
      || '; \`sluice replay --reclassify\` classifies it again'
    WHEN 'late' THEN 'reading of ' || sensor_id || ' at ' || time || CASE WHEN silver_late THEN ' is marked late' ELSE ' is not marked late' END
      || ', by the order of the lines and LATE_MINUTES it is ' || CASE WHEN late THEN 'late' ELSE 'not' END
    WHEN 'inexact' THEN 'reading of ' || sensor_id || ' at ' || time || CASE WHEN silver_inexact THEN ' is marked inexact' ELSE ' is not marked inexact' END
      || ', by its digits it is ' || CASE WHEN inexact THEN 'inexact' ELSE 'not' END
  END`;

/** Compares the lines of `audit_line` with silver. */
export class Comparison {
  readonly #client: ClientBase;
  readonly #options: ComparisonOptions;
  #bounds: [string | null, string | null] = [null, null];

  constructor(client: ClientBase, options: ComparisonOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Counts what became of the lines, by file number. */
  async classify(): Promise<Map<number, Classified>> {
    const bounds = await this.#client.query<{ least: string | null; greatest: string | null }>(
      'SELECT min(time)::text AS least, max(time)::text AS greatest FROM audit_line WHERE reason IS NULL',
    );
    this.#bounds = [bounds.rows[0]!.least, bounds.rows[0]!.greatest];
    const { rows } = await this.#query<Record<keyof Classified | 'file', string>>(
      `WITH ${judged}
       SELECT file,
         count(*) FILTER (WHERE reading <= 1) AS lines,
         count(*) FILTER (WHERE reading = 1) AS understood,
         count(*) FILTER (WHERE reading = 0 AND reason IS NOT NULL) AS rejected,
         count(*) FILTER (WHERE reading = 0 AND reason IS NULL) AS empty,
         count(*) FILTER (WHERE reading > 0) AS readings,
         count(*) FILTER (WHERE silver_value = value AND nth = 1) AS stored,
         count(*) FILTER (WHERE silver_value = value AND nth > 1) AS duplicates,
         count(*) FILTER (WHERE silver_value <> value) AS conflicts,
         count(*) FILTER (WHERE reading > 0 AND (reason IS NOT NULL OR (silver_value IS NULL AND refused))) AS refused,
         count(*) FILTER (WHERE ${IS_READING} AND silver_value IS NULL AND NOT refused AND NOT forgotten) AS missing,
         count(*) FILTER (WHERE forgotten AND reading <= 1) AS forgotten,
         count(difference) AS wrong
       FROM judged GROUP BY file`,
    );
    const names = Object.keys(noLines) as (keyof Classified)[];
    return new Map(
      rows.map(row => {
        const found = { ...noLines };
        for (const name of names) found[name] = Number(row[name]);
        return [Number(row.file), found];
      }),
    );
  }

  /** The first lines that are in no table, not in the one they belong to, or there as something else. */
  async lineDifferences(): Promise<Difference[]> {
    const { rows } = await this.#query<{
      file: number;
      line: string;
      difference: DifferenceKind;
      what: string;
    }>(
      `WITH ${judged}
       SELECT file, line, difference, ${sentence} AS what
       FROM judged WHERE difference IS NOT NULL ORDER BY file, line LIMIT ${LISTED}`,
    );
    return rows.map(({ file, line, difference, what }) => ({
      kind: difference,
      file: this.#options.files[file]!,
      line: Number(line),
      what,
    }));
  }

  /** What is kept of conflicts and rejected lines at places where the files have no such line. */
  async surplus(read: readonly string[]): Promise<{ count: number; first: Difference[] }> {
    const noLine = (table: string, condition: string) => `
      SELECT '${table}' AS kept_in, path, byte_offset FROM silver.${table} k
      WHERE collector = $1 AND path = ANY ($3::text[]) AND coalesce(time >= $4::timestamptz, true) AND NOT EXISTS (
        SELECT FROM audit_line l JOIN unnest($2::text[]) WITH ORDINALITY f (path, number) ON f.number = l.file + 1
        WHERE f.path = k.path AND l.byte_offset = k.byte_offset AND l.reading = k.reading AND ${condition}
      )`;
    const { collector, files, keptSince } = this.#options;
    const { rows } = await this.#client.query<{
      kept_in: string;
      path: string;
      byte_offset: string;
      of: string;
    }>(
      `SELECT *, count(*) OVER () AS of
       FROM (${noLine('rejected_line', 'true')} UNION ALL ${noLine('conflicting_reading', 'l.reading > 0 AND l.reason IS NULL')}) surplus
       ORDER BY path, byte_offset LIMIT ${LISTED}`,
      [collector, files, read, keptSince ?? '-infinity'],
    );
    const first = rows.map(({ kept_in, path, byte_offset }): Difference => {
      const kind = kept_in === 'rejected_line' ? 'surplus_rejection' : 'surplus_conflict';
      const what = `silver.${kept_in} keeps a line at byte ${byte_offset}, where the file has none to keep`;
      return { kind, file: path, what };
    });
    return { count: Number(rows[0]?.of ?? 0), first };
  }

  #query<Row extends object>(text: string) {
    const { collector, files, keptSince, exhaustive } = this.#options;
    return this.#client.query<Row>(text, [
      collector,
      files,
      ...this.#bounds,
      keptSince ?? '-infinity',
      exhaustive,
    ]);
  }
}

/** What became of no lines. */
export const noLines: Classified = { ...emptyCounters(), missing: 0, forgotten: 0, wrong: 0 };
