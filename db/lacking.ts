import pg from 'pg';
import { connect } from './connect.ts';
import { migrationsOf, NewerDatabaseError } from './migrate.ts';

/** SQLSTATEs of statements that name what is not there: a schema, a table, a column, a function, a type. */
const LACKING = new Set(['3F000', '42P01', '42703', '42883', '42704']);
const INSUFFICIENT_PRIVILEGE = '42501';

/** A statement named what the database does not have. Asking again does not help. */
export function isLacking(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && LACKING.has(error.code ?? '');
}

/**
 * For commands that read a database and leave it as it is: where `error` came because Sluice's tables are not there, or
 * are those of an older Sluice, an error that says of which database, and what to do.
 *
 * Asked after the failure and not before each command: an older database can still answer much, and `sluice_reader` may
 * not see which migrations there are. On a connection of its own: the other one may be in a transaction that failed.
 * @returns what to throw: `error` itself where it is about something else, or where nobody can tell.
 */
export async function explainLack(error: unknown, databaseUrl: string): Promise<unknown> {
  if (!isLacking(error)) return error;
  const client = await connect(databaseUrl, 'sluice', () => undefined).catch(() => undefined);
  if (client === undefined) return error;
  const { database, host, port } = client;
  try {
    const what = await whatIsWrong(client, error.message);
    return new Error(`The database ${JSON.stringify(database)} on ${host}:${port} ${what}`, { cause: error });
  } catch (failure) {
    return failure instanceof NewerDatabaseError ? failure : error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function whatIsWrong(client: pg.Client, message: string): Promise<string> {
  const migrations = await migrationsOf(client).catch(error => {
    if ((error as pg.DatabaseError).code === INSUFFICIENT_PRIVILEGE) return undefined;
    throw error;
  });
  if (migrations === undefined) {
    return `lacks what this Sluice reads (${message}). Let its owner run \`sluice migrate\`, or start the collector of this version once.`;
  }
  const { applied, missing } = migrations;
  if (applied.length === 0) {
    return 'has no tables of Sluice. Set DATABASE_URL to the one that has, or run `sluice migrate`, or start the collector once.';
  }
  if (missing.length > 0) {
    return `was made by an older Sluice: it lacks ${missing.join(', ')} (${message}). Run \`sluice migrate\`, or start the collector of this version once.`;
  }
  return `lacks what Sluice reads (${message}), although all migrations were applied. db/schema.sql shows what must be there.`;
}
