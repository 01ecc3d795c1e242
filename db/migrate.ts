import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { connect } from './connect.ts';
import { isLockTimeout, lockHolders } from './lock-holders.ts';
import { compressAgain, decompressForLongIds } from './long-ids.ts';

const MIGRATIONS = join(import.meta.dirname, 'migrations');
const OLDEST_SERVER = 15;
/** node-pg-migrate's own lock (its PG_MIGRATE_LOCK_ID), so that its command line waits for us too. */
const LOCK = 7_241_865_325_823_964n;

/** What migrating needs of a connection: `pg` has it, and so has PostgreSQL within a process. Statements may be several in one text. */
export interface Connection {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

export interface Migrated {
  /** Names of the migrations that this call applied, in order; empty where the database was up to date. */
  applied: string[];
  /** Version of TimescaleDB in this database; null: plain tables. */
  timescaledb: string | null;
  /** Why the tables are plain although the server has TimescaleDB; undefined where it has not, or they are not. */
  unused?: string;
}

/**
 * How long a migration waits for a lock, and how often it tries. While it waits, who loads waits behind it; so it waits in
 * small doses.
 */
const LOCK_TIMEOUT = '2s';
const ATTEMPTS = 5;
const PAUSE_MS = 2000;

/** `warn` is what somebody may want to mend. */
type Log = (message: string, level: 'info' | 'warn') => void;

/** SQLSTATE of the notices by which a migration says what it left out and what to do about it; 01 is the class of warnings. */
const LEFT_OUT = '01SLU';

/** The database has migrations that this code does not know: a newer Sluice made it. Nothing was changed. */
export class NewerDatabaseError extends Error {
  /** Names of the migrations that db/migrations lacks. */
  readonly unknown: string[];
  constructor(unknown: string[]) {
    super(
      `the database was made by a newer Sluice: it has ${unknown.join(', ')}, which this one does not know. ` +
        'Update Sluice, or let DATABASE_URL name another database',
    );
    this.name = 'NewerDatabaseError';
    this.unknown = unknown;
  }
}

/**
 * Brings a database to the schema of db/migrations, on TimescaleDB where the server has it.
 *
 * Several callers at once wait for each other. An error of a migration leaves the database as it was.
 * @throws {NewerDatabaseError} where a newer Sluice made it; {Error} below PostgreSQL 15; errors of the connection as they are.
 */
export async function migrate(databaseUrl: string, log: Log = () => {}): Promise<Migrated> {
  const refusal = await withConnection(databaseUrl, connection => offerTimescaledb(connection, log));
  return withConnection(databaseUrl, async connection => {
    await connection.query(`SET lock_timeout = '${LOCK_TIMEOUT}'`);
    // More than one migration may leave out the same.
    const told = new Set<string>();
    connection.on('notice', ({ code, message = '' }) => {
      if (code !== LEFT_OUT || told.has(message)) return;
      told.add(message);
      log(message, 'warn');
    });
    const migrated = await patiently(connection, () => migrateOn(connection, log));
    if (migrated.timescaledb !== null || !(await hasTimescaledb(connection))) return migrated;
    const unused = `although the server has TimescaleDB: ${refusal ?? 'the tables were made without it'}`;
    return { ...migrated, unused };
  });
}

/** Tries again where somebody holds a lock. @throws {Error} that names who does, in the end. */
async function patiently<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      if (attempt === ATTEMPTS) throw await heldUp(connection, error);
      await sleep(PAUSE_MS);
    }
  }
}

async function heldUp(connection: Connection, cause: unknown): Promise<Error> {
  const holders = await lockHolders(connection);
  return new Error(
    `the database cannot be migrated: ${holders.length > 0 ? `${holders.join('; ')} ${holders.length === 1 ? 'holds' : 'hold'}` : 'somebody held'} ` +
      'locks that a migration needs. Nothing was changed. End them, or let their user or a superuser run ' +
      '"SELECT pg_terminate_backend(PROCESS)", and migrate again',
    { cause },
  );
}

/** The same on a connection that is open, except that TimescaleDB is used only where the database has it already. */
export async function migrateOn(connection: Connection, log: Log = () => {}): Promise<Migrated> {
  await refuseOldServer(connection);
  // A database that is up to date is neither locked nor written to, so that a collector may run as a user who cannot
  // change the schema, and a connection that breaks in the wrong moment keeps nobody waiting.
  if ((await missing(connection)).length === 0) {
    await compressAgain(connection, log);
    return { applied: [], timescaledb: await timescaledbVersion(connection) };
  }
  return withLock(connection, async () => {
    const lacking = await missing(connection);
    await decompressForLongIds(connection, lacking, log);
    const applied = lacking.length > 0 ? await applyMigrations(connection, log) : [];
    await compressAgain(connection, log);
    return { applied, timescaledb: await timescaledbVersion(connection) };
  });
}

/**
 * Names of the migrations that the database has, and of those that it lacks; both in order.
 * @throws {NewerDatabaseError} where it has others.
 */
export async function migrationsOf(
  connection: Connection,
): Promise<{ applied: string[]; missing: string[] }> {
  const files = (await readdir(MIGRATIONS)).filter(file => file.endsWith('.sql')).sort();
  const names = files.map(file => basename(file, '.sql'));
  const applied = await appliedMigrations(connection);
  const unknown = applied.filter(name => !names.includes(name));
  if (unknown.length > 0) throw new NewerDatabaseError(unknown);
  return { applied, missing: names.filter(name => !applied.includes(name)) };
}

/** Names of the migrations that the database lacks. */
async function missing(connection: Connection): Promise<string[]> {
  return (await migrationsOf(connection)).missing;
}

async function applyMigrations(connection: Connection, log: Log): Promise<string[]> {
  // Loaded when there is something to migrate: a collector that runs for months has better uses for the memory.
  const { runner } = await import('node-pg-migrate');
  const done = await runner({
    dbClient: connection as unknown as pg.ClientBase,
    dir: MIGRATIONS,
    direction: 'up',
    // Not in `public`: since PostgreSQL 15 that belongs to the owner of the database, while a schema of our own needs
    // only what the migrations need as well, the right to create schemas.
    migrationsSchema: 'sluice',
    migrationsTable: 'migration',
    createMigrationsSchema: true,
    singleTransaction: true,
    // withLock has it, and reads under it what was applied.
    noLock: true,
    // Its errors repeat the whole migration; what it throws says what was wrong.
    logger: { info: () => {}, warn: message => log(message, 'warn'), error: () => {} },
  });
  for (const { name } of done) log(`migrated the database: ${name}`, 'info');
  return done.map(({ name }) => name);
}

/**
 * Creates the extension in a database that has no tables of ours yet, where the server has it and lets us.
 *
 * On a connection of its own: where TimescaleDB is not preloaded, the attempt ends the connection (FATAL); and only
 * connections opened afterwards are sure to have its library. A database whose tables are plain keeps them plain.
 * @returns why the server refused, where it did.
 */
export async function offerTimescaledb(connection: Connection, log: Log): Promise<string | undefined> {
  await refuseOldServer(connection);
  if ((await appliedMigrations(connection)).length > 0) return undefined;
  return withLock(connection, async () => {
    if ((await appliedMigrations(connection)).length > 0) return undefined;
    if ((await timescaledbVersion(connection)) !== null) return undefined;
    if (!(await hasTimescaledb(connection))) {
      log('plain tables: the server has no TimescaleDB', 'info');
      return undefined;
    }
    try {
      await connection.query('CREATE EXTENSION timescaledb');
      return undefined;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      log(
        `plain tables, and they stay plain: the server has TimescaleDB, but ${error.message}. To have hypertables, mend ` +
          'that and let Sluice begin in an empty database',
        'warn',
      );
      return error.message;
    }
  });
}

async function hasTimescaledb(connection: Connection): Promise<boolean> {
  const { rows } = await connection.query("SELECT FROM pg_available_extensions WHERE name = 'timescaledb'");
  return rows.length > 0;
}

/**
 * The server's own no to an extension, as opposed to a fault that may pass (and must not leave plain tables for ever):
 * 42501 we lack the privilege; XX000 it is not preloaded; 58P01 its library is missing; 0A000 it does not fit the server.
 */
function isRefusal(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && ['42501', 'XX000', '58P01', '0A000'].includes(error.code ?? '');
}

async function refuseOldServer(connection: Connection): Promise<void> {
  const { rows } = await connection.query(
    "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number",
  );
  const { version, number } = rows[0] as { version: string; number: number };
  if (number >= OLDEST_SERVER * 10_000) return;
  throw new Error(`the database server is PostgreSQL ${version}: Sluice needs ${OLDEST_SERVER} or newer`);
}

async function appliedMigrations(connection: Connection): Promise<string[]> {
  const table = await connection.query("SELECT to_regclass('sluice.migration') IS NOT NULL AS exists");
  if (!(table.rows[0] as { exists: boolean }).exists) return [];
  const { rows } = await connection.query('SELECT name FROM sluice.migration ORDER BY id');
  return (rows as { name: string }[]).map(({ name }) => name);
}

async function timescaledbVersion(connection: Connection): Promise<string | null> {
  const { rows } = await connection.query(
    "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'",
  );
  return (rows as { extversion: string }[])[0]?.extversion ?? null;
}

/** Held by the session: it ends with the connection at the latest. */
async function withLock<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.query(`SELECT pg_advisory_lock(${LOCK})`);
  try {
    return await work();
  } finally {
    // On a connection that broke there is no lock left to release.
    await connection.query(`SELECT pg_advisory_unlock(${LOCK})`).catch(() => {});
  }
}

async function withConnection<T>(
  databaseUrl: string,
  work: (connection: pg.Client) => Promise<T>,
): Promise<T> {
  // A connection that ends between two statements says so there; the next statement fails and tells the caller.
  const client = await connect(databaseUrl, 'sluice migrate', () => undefined);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
