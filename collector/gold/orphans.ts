import type { ClientBase } from 'pg';
import { forEachRow } from './planner.ts';

/** Makes the table in which a refresh notes orphans: rows of gold whose period has nothing left. Private to the connection. */
export async function prepareOrphans(client: ClientBase): Promise<void> {
  await client.query(
    'CREATE TEMP TABLE IF NOT EXISTS orphan (since timestamptz, sensor_id text) ON COMMIT DELETE ROWS',
  );
}

/**
 * Deletes the rows that are noted in `orphan`.
 * @param noted the result of the statement that noted them; nearly always it noted none.
 * @param isOrphan SQL: whether a row of the table is the `r` of `orphan`.
 */
export async function deleteOrphans(
  client: ClientBase,
  noted: { rowCount: number | null },
  table: string,
  isOrphan: string,
): Promise<void> {
  if (noted.rowCount !== 0) await forEachRow(client, 'orphan', `DELETE FROM ${table} WHERE ${isOrphan}`);
}
