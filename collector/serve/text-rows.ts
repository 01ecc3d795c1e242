import type pg from 'pg';
import type { ClientBase } from 'pg';
import Cursor from 'pg-cursor';
import { readCursor } from '../../db/snapshot.ts';

/** Values as PostgreSQL writes them: text, or null. */
const asText = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;

/** Any number of rows, each an array of texts, in batches that are fetched when they are asked for. */
export function textRows<Row extends (string | null)[]>(
  client: ClientBase,
  sql: string,
  values: unknown[],
  batchRows: number,
): AsyncGenerator<Row[]> {
  const cursor = client.query(new Cursor<Row>(sql, values, { rowMode: 'array', types: asText }));
  return readCursor(cursor, batchRows);
}
