import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../db/migrate.ts';
import { databaseUrl, removeLeftovers, startPostgres } from './server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The PostgreSQL of this test run; its user may create databases. */
    postgresUrl: string;
    /** A migrated database to copy. */
    template: string;
  }
}

const TEMPLATE = 'sluice_template';

/**
 * One PostgreSQL for the whole run: the embedded one, or what TEST_DATABASE_URL names, whose user may create databases. Tests
 * take databases of it from database.ts.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers();
  const given = process.env.TEST_DATABASE_URL;
  const server = given ? givenServer(given) : await startPostgres();
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query(`DROP DATABASE IF EXISTS ${TEMPLATE}`);
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  await migrate(databaseUrl(server.url, TEMPLATE));
  project.provide('postgresUrl', server.url);
  project.provide('template', TEMPLATE);
  return async () => {
    if (process.env.SLUICE_TEST_KEEP)
      console.error(`kept the server ${server.url} of this test run until the next one`);
    else await server[Symbol.asyncDispose]();
    // Of workers that were killed.
    await removeLeftovers();
  };
}

/** A server that is not ours to stop. */
function givenServer(url: string): AsyncDisposable & { url: string } {
  return { url, [Symbol.asyncDispose]: async () => undefined };
}
