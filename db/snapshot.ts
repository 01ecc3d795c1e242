import type pg from 'pg';
import type { ClientBase } from 'pg';
import Cursor from 'pg-cursor';

/*
 * Without sorting, rows come in the order of an index, the first at once, and nobody holds them all: left to itself the
 * planner sorts a day.
 */
const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL enable_sort = off';

/**
 * Reads by one view of the data: a transaction around a generator, which ends when the generator does or is left.
 * @param timeoutMs after which the server ends a query of it.
 */
export async function* inSnapshot<T>(
  client: ClientBase,
  timeoutMs: number,
  read: () => AsyncGenerator<T>,
): AsyncGenerator<T> {
  await client.query(`${BEGIN}; SET LOCAL statement_timeout = ${timeoutMs}`);
  try {
    yield* read();
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

/** Values as PostgreSQL writes them: text, or null. */
const asText = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;

/** Any number of rows, each an array of texts, in batches that are fetched when they are asked for. */
export async function* batchesOf<Row extends (string | null)[]>(
  client: ClientBase,
  sql: string,
  values: unknown[],
  batchRows: number,
): AsyncGenerator<Row[]> {
  const cursor = client.query(new Cursor<Row>(sql, values, { rowMode: 'array', types: asText }));
  let isBroken = false;
  try {
    for (;;) {
      const rows = await cursor.read(batchRows).catch(error => {
        isBroken = true;
        throw error;
      });
      if (rows.length === 0) return;
      yield rows;
    }
  } finally {
    // Not awaited: on a connection that is lost it is never answered. What comes next queues behind it, or fails.
    if (!isBroken) cursor.close(() => undefined);
  }
}
