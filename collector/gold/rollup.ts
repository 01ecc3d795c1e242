import type { ClientBase } from 'pg';
import { deleteOrphans } from './orphans.ts';
import { isOf } from './planner.ts';
import type { Span } from './spans.ts';

/** A table of gold that is made of the rows of a finer one, by hour or by UTC day. */
export interface Rollup {
  target: string;
  source: string;
  unit: 'hour' | 'day';
  /** Columns of both tables, besides the key. */
  columns: readonly string[];
  /** The columns of a period, as SQL over those of its rows in the order of `bucket`. */
  aggregate: string;
  /** Whether it has rows of what was silent. */
  ofSilence: boolean;
}

/** Recomputes the hours or days of the refreshed minutes of a span, each from all rows of the finer table. */
export async function rollUp(client: ClientBase, rollup: Rollup, { from, to }: Span): Promise<void> {
  const { target, source, unit, columns, aggregate, ofSilence } = rollup;
  const isThis = (row: string) => `bucket = ${row}.since AND sensor_id = ${row}.sensor_id`;
  const orphans = await client.query(
    `WITH period AS MATERIALIZED (
       SELECT p.since, p.sensor_id, r.*
       FROM (
         SELECT DISTINCT date_trunc('${unit}', bucket, 'UTC') AS since, sensor_id FROM refreshed_minute
         WHERE bucket >= $1 AND bucket < $2 ${ofSilence ? '' : 'AND NOT silent'}
       ) p
       CROSS JOIN LATERAL (
         SELECT count(*) AS finer, ${aggregate} FROM ${source}
         WHERE ${isOf('p.sensor_id')} AND bucket >= p.since AND bucket < p.since + INTERVAL '${hours(unit)} hours'
           AND bucket >= $1 AND bucket < $2
       ) r
     ), written AS (
       INSERT INTO ${target} AS g (bucket, sensor_id, ${columns})
       SELECT since, sensor_id, ${columns} FROM period WHERE finer > 0
       ${upsert(columns)}
     )
     INSERT INTO orphan
     SELECT since, sensor_id FROM period p
     WHERE finer = 0 AND (SELECT true FROM ${target} WHERE ${isThis('p')})`,
    [from, to],
  );
  await deleteOrphans(client, orphans, target, isThis('r'));
}

/** The end of an INSERT into a table called `g`: a row that is there takes the new values, if it differs from them. */
export function upsert(columns: readonly string[]): string {
  return `
    ON CONFLICT (bucket, sensor_id) DO UPDATE SET ${columns.map(column => `${column} = excluded.${column}`)}
    WHERE (${columns.map(column => `g.${column}`)}) IS DISTINCT FROM (${columns.map(column => `excluded.${column}`)})`;
}

function hours(unit: Rollup['unit']): number {
  return unit === 'hour' ? 1 : 24;
}
