import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../../commands/query/answer.ts';
import { bindQuery } from '../../../commands/query/query-file.ts';
import { readShelf } from '../../../commands/query/shelf.ts';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';
import { answeredQueries, printed, readAnswers } from './asking.ts';
import { fillExample } from './example.ts';

const shelf = await readShelf();

test('every query has its answers', async () => {
  expect(await answeredQueries()).toEqual([...shelf.keys()].sort());
});

describe('plain PostgreSQL', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await newDatabase();
    client = new pg.Client(database.url);
    await client.connect();
    await client.query("SET TIME ZONE 'UTC'");
    await fillExample(client);
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  test.each([...shelf.keys()])('%s answers as it says', async name => {
    const { plain } = shelf.get(name)!;
    const calls = await readAnswers(name);
    expect(calls.length).toBeGreaterThan(0);
    for (const { set, answer } of calls) {
      expect(await printed(await ask(client, bindQuery(plain, set)))).toBe(answer);
    }
  });

  test.each([...shelf.keys()])('%s runs as it stands, in any time zone', async name => {
    await client.query("SET TIME ZONE 'Asia/Kolkata'");
    await client.query(shelf.get(name)!.plain.sql);
    await client.query("SET TIME ZONE 'UTC'");
  });
});
