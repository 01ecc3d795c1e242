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

/** One PostgreSQL for the whole run. Tests take databases of it from database.ts. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers();
  const server = await startPostgres();
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  await migrate(databaseUrl(server.url, TEMPLATE));
  project.provide('postgresUrl', server.url);
  project.provide('template', TEMPLATE);
  return async () => {
    if (process.env.SLUICE_TEST_KEEP)
      console.error(`kept the server ${server.url} of this test run until the next one`);
    else await server[Symbol.asyncDispose]();
  };
}
