/*
 * Everything in the SQL of this room that is there for the planner and changes no answer.
 * (docs/decisions/0019-no-guess-of-the-planner.md; test/collector/gold/cost.test.ts counts rows and pages)
 */
import type { ClientBase } from 'pg';

/**
 * Statements that leave the planner one way to join: from the refreshed minutes to the rows of each by an index. It does
 * not know how many minutes these are. Where it guesses too many it would read all of silver once, and where too few, go
 * from all rows of a day to the minutes. They last as long as the transaction.
 *
 * No bitmaps: the rows of a minute are on few pages anyway, as they were stored in the order of time. No JIT: compiling
 * takes longer than the statements.
 */
export const JOIN_BY_INDEX = ['hashjoin', 'mergejoin', 'seqscan', 'bitmapscan', 'memoize']
  .map(method => `SET LOCAL enable_${method} = off;`)
  .concat('SET LOCAL jit = off;')
  .join(' ');

/**
 * SQL: whether a row is of one sensor; a condition on time goes with it, whose bounds may be columns of an outer query.
 *
 * The range says no more than the equation. But the planner takes a range with unknown bounds for one row in 200, so it
 * finds the index that begins with `sensor_id` cheaper than the one that begins with the time, also where its statistics
 * are of a time with few sensors.
 * @param sensor a column of an outer query.
 */
export function isOf(sensor: string): string {
  return `sensor_id = ${sensor} AND sensor_id BETWEEN ${sensor} AND ${sensor}`;
}

/**
 * SQL: whether a row of silver.sensor_reading is that of one sensor and time.
 *
 * The planner does not see the value of a subquery, so it cannot promise one row where its statistics are of sensors that
 * never measured at the same time. TimescaleDB has to see the time, to leave out chunks, and must not see a range of
 * sensors: with one it cannot update compressed chunks.
 * @param row a record of plpgsql that has the columns `sensor_id` and `time`.
 */
export function isReading(row: string): string {
  const unseen = (column: string) =>
    `${column} BETWEEN (SELECT ${row}.${column}) AND (SELECT ${row}.${column})`;
  return `sensor_id = ${row}.sensor_id AND ${unseen('sensor_id')}
    AND time BETWEEN ${row}.time AND ${row}.time AND ${unseen('time')}`;
}

/**
 * Runs a statement for each row of a temporary table, on the server, and empties the table.
 *
 * The target of an UPDATE or DELETE cannot stand in a subquery, so in a join the planner would choose which of the two
 * tables comes first, and take the large one where its statistics say that it is small.
 * @param statement has the columns of the row as `r.column`.
 */
export async function forEachRow(client: ClientBase, table: string, statement: string): Promise<void> {
  await client.query(
    `DO $$ DECLARE r record; BEGIN FOR r IN TABLE ${table} LOOP ${statement}; END LOOP; END $$`,
  );
  await client.query(`TRUNCATE ${table}`);
}
