import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { TestDatabase } from './database.ts';

/** A connection of a user who has a role and nothing else; both are gone at the end of the scope. */
export async function userOf(database: TestDatabase, role: string): Promise<pg.Client & AsyncDisposable> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await database.query(`CREATE ROLE ${name} LOGIN PASSWORD 'secret' IN ROLE ${role}`);
  const url = new URL(database.url);
  url.username = name;
  url.password = 'secret';
  const client = new pg.Client(url.href);
  await client.connect();
  return Object.assign(client, {
    [Symbol.asyncDispose]: async () => {
      await client.end();
      await database.query(`DROP ROLE ${name}`);
    },
  });
}
