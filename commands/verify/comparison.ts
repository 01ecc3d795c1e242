import type { ClientBase } from 'pg';
import type { Counters } from '../../collector/silver/counters.ts';
import { KEPT_SINCE } from '../../collector/silver/kept-since.ts';

/** A place where files and database disagree. */
export interface Difference {
  /** The raw file; undefined where silver or gold has something that no file explains. */
  file?: string;
  /** Line number, from 1. */
  line?: number;
  what: string;
}

/** How many differences of one kind are listed one by one. */
const LISTED = 10;

/**
 * What became of the lines in `audit_line`, by file number, as silver shows it. `missing` lines are in no table; `forgotten`
 * ones are of days that silver does not keep, and may be anywhere.
 */
export type Classified = Counters & { missing: number; forgotten: number };

/*
 * The lines beside what silver has under their keys. The bounds are constants for the planner, so that TimescaleDB leaves
 * out the chunks of other days.
 */
const judged = `
  judged AS (
    SELECT l.*, s.value AS silver_value, r.byte_offset IS NOT NULL AS refused, c.byte_offset IS NOT NULL AS kept,
      row_number() OVER (PARTITION BY l.sensor_id, l.time ORDER BY l.file, l.line, l.reading) AS nth,
      coalesce(
        l.time < ${KEPT_SINCE},
        ($2::text[])[l.file + 1] ~ '^\\d{4}-\\d\\d-\\d\\d_'
          AND left(($2::text[])[l.file + 1], 10) < to_char(${KEPT_SINCE} AT TIME ZONE 'UTC', 'YYYY-MM-DD')
      ) AS forgotten
    FROM audit_line l
    LEFT JOIN silver.sensor_reading s
      ON s.sensor_id = l.sensor_id AND s.time = l.time AND s.time BETWEEN $3::timestamptz AND $4::timestamptz
    LEFT JOIN silver.rejected_line r
      ON r.collector = $1 AND r.path = ($2::text[])[l.file + 1] AND r.byte_offset = l.byte_offset
        AND r.reading = l.reading
    LEFT JOIN silver.conflicting_reading c
      ON c.collector = $1 AND c.path = ($2::text[])[l.file + 1] AND c.byte_offset = l.byte_offset
        AND c.reading = l.reading
  )`;

/** SQL: whether a row of `audit_line` is a reading that can be stored. */
const isReading = 'reading > 0 AND reason IS NULL';

/** Compares the lines of `audit_line` with silver. */
export class Comparison {
  readonly #client: ClientBase;
  readonly #collector: string;
  readonly #files: string[];
  #bounds: [string | null, string | null] = [null, null];

  /** @param files the ledger's paths, by the file numbers of `audit_line`. */
  constructor(client: ClientBase, collector: string, files: string[]) {
    this.#client = client;
    this.#collector = collector;
    this.#files = files;
  }

  /** Counts what became of the lines, by file number. */
  async classify(): Promise<Map<number, Classified>> {
    const bounds = await this.#client.query<{ least: string | null; greatest: string | null }>(
      'SELECT min(time)::text AS least, max(time)::text AS greatest FROM audit_line',
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
         count(*) FILTER (WHERE ${isReading} AND silver_value IS NULL AND NOT refused AND NOT forgotten) AS missing,
         count(*) FILTER (WHERE forgotten AND reading <= 1) AS forgotten
       FROM judged GROUP BY file`,
    );
    return new Map(
      rows.map(({ file, ...counts }) => [
        Number(file),
        Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, Number(n)])) as Classified,
      ]),
    );
  }

  /**
   * What loading the lines would do: how many silver lacks, has, or has with another value. Rows in the temporary table
   * `would_be_stored` count as silver's.
   */
  async wouldBecome(): Promise<{
    lines: number;
    stored: number;
    present: number;
    conflicts: number;
    rejected: number;
  }> {
    const { rows } = await this.#client.query<Record<string, string>>(
      `WITH firsts AS (
         SELECT l.*, first_value(l.value) OVER (PARTITION BY l.sensor_id, l.time ORDER BY l.line, l.reading) AS first_value,
           row_number() OVER (PARTITION BY l.sensor_id, l.time ORDER BY l.line, l.reading) AS nth
         FROM audit_line l
       ), judged AS (
         SELECT f.*, coalesce(s.value, w.value) AS silver_value, coalesce(s.value, w.value, f.first_value) AS kept_value
         FROM firsts f
         LEFT JOIN silver.sensor_reading s USING (sensor_id, time)
         LEFT JOIN would_be_stored w USING (sensor_id, time)
       )
       SELECT count(*) FILTER (WHERE reading <= 1) AS lines,
         count(*) FILTER (WHERE ${isReading} AND silver_value IS NULL AND nth = 1) AS stored,
         count(*) FILTER (WHERE ${isReading} AND (silver_value IS NOT NULL OR nth > 1) AND kept_value = value) AS present,
         count(*) FILTER (WHERE ${isReading} AND kept_value <> value) AS conflicts,
         count(*) FILTER (WHERE reason IS NOT NULL) AS rejected
       FROM judged`,
    );
    const [lines, stored, present, conflicts, rejected] = [
      'lines',
      'stored',
      'present',
      'conflicts',
      'rejected',
    ].map(name => Number(rows[0]![name])) as [number, number, number, number, number];
    return { lines, stored, present, conflicts, rejected };
  }

  /** Lines that are in no table, or not in the one they belong to: the first of each kind, and how many there are. */
  async lineDifferences(): Promise<{ count: number; first: Difference[] }> {
    const { rows } = await this.#query<{ file: number; line: string; what: string; of: string }>(
      `WITH ${judged}, wrong AS (
         SELECT file, line, CASE
           WHEN forgotten THEN NULL
           WHEN reason IS NOT NULL AND NOT refused THEN 'cannot be stored (' || reason || ') and is not in silver.rejected_line'
           WHEN ${isReading} AND silver_value IS NULL AND NOT refused
             THEN 'reading of ' || sensor_id || ' at ' || time || ' is not in silver.sensor_reading'
           WHEN silver_value <> value AND NOT kept
             THEN 'value ' || value || ' of ' || sensor_id || ' at ' || time || ' is ' || silver_value
               || ' in silver.sensor_reading, and not in silver.conflicting_reading'
         END AS what
         FROM judged
       )
       SELECT file, line, what, count(*) OVER () AS of FROM wrong WHERE what IS NOT NULL ORDER BY file, line LIMIT ${LISTED}`,
    );
    return {
      count: Number(rows[0]?.of ?? 0),
      first: rows.map(({ file, line, what }) => ({ file: this.#files[file]!, line: Number(line), what })),
    };
  }

  #query<Row extends object>(text: string) {
    return this.#client.query<Row>(text, [this.#collector, this.#files, ...this.#bounds]);
  }
}
