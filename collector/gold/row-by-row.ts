import type { ClientBase } from 'pg';

/**
 * Runs a statement for each row of a temporary table, on the server, and empties the table.
 *
 * A join would do it at once, but what is updated or deleted cannot stand in a subquery: the planner chooses which of the
 * two tables it begins with, and takes the large one where its statistics say that it is small.
 * @param statement has the columns of the row as `r.column`.
 */
export async function forEachRow(client: ClientBase, table: string, statement: string): Promise<void> {
  await client.query(
    `DO $$ DECLARE r record; BEGIN FOR r IN TABLE ${table} LOOP ${statement}; END LOOP; END $$`,
  );
  await client.query(`TRUNCATE ${table}`);
}
