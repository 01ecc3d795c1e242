import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { eventually } from './eventually.ts';
import { databaseUrl } from './server.ts';

/** A server that the tests run on. */
export interface DatabaseServer {
  name: 'PostgreSQL' | 'TimescaleDB';
  /** Of a database whose user may create others. */
  url: string;
}

/** A database that one test, or one file of tests, has for itself. */
export interface TestDatabase {
  url: string;
  /** Runs a statement on a connection that is kept; a lost one is replaced. Resolves to the rows. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows the columns that it asks for.
  query<Row = any>(sql: string, values?: unknown[]): Promise<Row[]>;
  /**
   * Closes the connection and removes the database, whoever else is connected. An autovacuum is not ours to end, so it may
   * take some tries.
   */
  drop(): Promise<void>;
}

interface Choice {
  /** Default: the PostgreSQL of this test run. */
  server?: DatabaseServer;
  /** Default true: with the tables of db/migrations. */
  migrated?: boolean;
}

/** The servers to run pipeline tests on, for `describe.each`: the PostgreSQL of this run, and what TIMESCALE_URL names. */
export function databaseServers(): DatabaseServer[] {
  const servers: DatabaseServer[] = [{ name: 'PostgreSQL', url: inject('postgresUrl') }];
  const url = process.env.TIMESCALE_URL;
  if (url) servers.push({ name: 'TimescaleDB', url });
  return servers;
}

/** Makes a private database, for `beforeAll`; `afterAll` drops it. */
export async function newDatabase({
  server = databaseServers()[0]!,
  migrated = true,
}: Choice = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  // A copy of migrated tables takes a tenth of the time. TimescaleDB stays connected to its databases, and those cannot be copied.
  const copied = migrated && server.name === 'PostgreSQL';
  await administer(server.url, `CREATE DATABASE ${name} ${copied ? `TEMPLATE ${inject('template')}` : ''}`);
  const url = databaseUrl(server.url, name);
  if (migrated && !copied) await migrate(url);
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  // A test that stops the server ends this connection too.
  pool.on('error', () => {});
  return {
    url,
    query: async (sql, values) => (await pool.query(sql, values)).rows,
    drop: async () => {
      await pool.end();
      await eventually(() => administer(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

/**
 * Lends a private database to `use` and drops it afterwards; after an error it is kept, and its URL printed.
 *
 * The server of the run ends with the run; with SLUICE_TEST_KEEP=1 it stays.
 */
export async function withDatabase<T>(
  use: (database: TestDatabase) => Promise<T>,
  choice?: Choice,
): Promise<T> {
  const database = await newDatabase(choice);
  try {
    const result = await use(database);
    await database.drop();
    return result;
  } catch (error) {
    console.error(
      `kept ${database.url}${process.env.SLUICE_TEST_KEEP ? '' : ' (to look at it after the run: SLUICE_TEST_KEEP=1)'}`,
    );
    throw error;
  }
}

async function administer(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
