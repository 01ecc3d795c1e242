import pg from 'pg';
import { expect, test, vi } from 'vitest';
import { databaseServers, newDatabase, type TestDatabase, withDatabase } from './database.ts';

async function exists({ url }: TestDatabase): Promise<boolean> {
  const client = new pg.Client(databaseServers()[0]!.url);
  await client.connect();
  const name = new URL(url).pathname.slice(1);
  const { rows } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  await client.end();
  return rows.length === 1;
}

test('a database is private, and gone after success', async () => {
  let lent: TestDatabase | undefined;
  await withDatabase(async database => {
    lent = database;
    await database.query('INSERT INTO sluice.stale_minute VALUES (now(), $1)', ['Sensor 1']);
    expect(await exists(database)).toBe(true);
    await withDatabase(async other => expect(await other.query('TABLE sluice.stale_minute')).toEqual([]));
  });
  expect(await exists(lent!)).toBe(false);
});

test('a database outlives a failure, and its URL is printed', async () => {
  const print = vi.spyOn(console, 'error').mockImplementation(() => {});
  let lent: TestDatabase | undefined;
  const failure = withDatabase(async database => {
    lent = database;
    throw new Error('the test failed');
  });
  await expect(failure).rejects.toThrow('the test failed');
  expect(print).toHaveBeenCalledWith(expect.stringContaining(lent!.url));
  print.mockRestore();
  expect(await exists(lent!)).toBe(true);
  await lent!.drop();
});

test('a database that others are connected to can be dropped', async () => {
  const database = await newDatabase({ migrated: false });
  const client = new pg.Client(database.url);
  client.on('error', () => {});
  await client.connect();
  await database.drop();
  expect(await exists(database)).toBe(false);
  await client.end().catch(() => {});
});
