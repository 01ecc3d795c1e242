import type { ClientBase } from 'pg';
import { forEachRow } from './row-by-row.ts';

/** Makes the table in which a refresh notes the rows of gold that nothing is left of; private to the connection. */
export async function prepareGone(client: ClientBase): Promise<void> {
  await client.query(
    `CREATE TEMP TABLE IF NOT EXISTS gone_row (since timestamptz, sensor_id varchar(50)) ON COMMIT DELETE ROWS`,
  );
}

/**
 * Deletes the rows that are noted in gone_row.
 * @param noted the result of the statement that has noted them; nearly always it notes none.
 * @param isNoted SQL: whether a row of the table is `r` of gone_row.
 */
export async function deleteGone(
  client: ClientBase,
  noted: { rowCount: number | null },
  table: string,
  isNoted: string,
): Promise<void> {
  if (noted.rowCount !== 0) await forEachRow(client, 'gone_row', `DELETE FROM ${table} WHERE ${isNoted}`);
}
