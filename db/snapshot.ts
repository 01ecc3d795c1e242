import type { ClientBase } from 'pg';
import type Cursor from 'pg-cursor';

/*
 * Times are in UTC and exact, whatever the role or the database says. Without sorting, rows come in the order of an index, the
 * first at once, and nobody holds them all: left to itself the planner sorts a day, and takes a bitmap and a sort for a year.
 */
const BEGIN = `
  BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
  SET LOCAL TIME ZONE 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL extra_float_digits = 1; SET LOCAL enable_sort = off`;

/**
 * Reads by one view of the data: a transaction around a generator, which ends when the generator does or is left.
 * @param client must not be in another transaction.
 * @param timeoutMs after which the server ends a query of it, however slowly it is read; 0: never.
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

/** The rows of a cursor, in batches that are fetched when they are asked for. It is closed when the generator ends or is left. */
export async function* readCursor<Row>(cursor: Cursor<Row>, batchRows: number): AsyncGenerator<Row[]> {
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
