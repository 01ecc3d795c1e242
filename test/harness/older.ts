import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

/** Brings an empty database to the schema of the first `count` migrations, as an older Sluice would leave it. */
export async function migrateFirst(url: string, count: number): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await runner({
      dbClient: client,
      dir: join(import.meta.dirname, '..', '..', 'db', 'migrations'),
      direction: 'up',
      count,
      migrationsSchema: 'sluice',
      migrationsTable: 'migration',
      createMigrationsSchema: true,
      noLock: true,
      logger: { info: () => {}, warn: () => {}, error: () => {} },
    });
  } finally {
    await client.end();
  }
}
