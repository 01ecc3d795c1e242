import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readShelf } from '../../commands/query/shelf.ts';
import { queriesPage } from '../../docs/queries-page.ts';
import { fillExample } from '../commands/query/example.ts';
import { sluice } from '../commands/verify/pipeline.ts';
import { newDatabase, type TestDatabase } from '../harness/database.ts';

const root = join(import.meta.dirname, '..', '..');
const pages = await Promise.all(['README.md', 'docs/bi.md'].map(page => readFile(join(root, page), 'utf8')));
let database: TestDatabase;

beforeAll(async () => {
  database = await newDatabase();
  const client = new pg.Client(database.url);
  await client.connect();
  await fillExample(client);
  await client.end();
});

afterAll(() => database.drop());

test('docs/queries.md has the queries as they are (else: npm run docs)', async () => {
  expect(await readFile(join(root, 'docs', 'queries.md'), 'utf8')).toBe(queriesPage(await readShelf()));
});

test('every SQL query of README and docs/bi.md runs on the schema of db/migrations', async () => {
  const queries = pages
    .flatMap(page => [...page.matchAll(/^```sql\n((?:SELECT|WITH|TABLE)\b.*?)^```$/gms)])
    .map(([, sql]) => sql!);
  expect(queries.length).toBeGreaterThanOrEqual(1);
  for (const query of queries) {
    expect(await database.query(query).catch(error => error), query).toBeInstanceOf(Array);
  }
});

// A call and the first line of what it printed: ```sh, the call, ```, an empty line, ```, the columns.
const calls = pages.flatMap(page => [
  ...page.matchAll(/^```sh\nnpx sluice query ([^\n]*)\n```\n\n```\n([^\n]*)\n/gm),
]);

test('docs/bi.md shows five queries', () => {
  expect(new Set(calls.map(([, call]) => call!.split(' ')[0])).size).toBeGreaterThanOrEqual(5);
});

test.each(calls.map(([, call, columns]) => ({ call: call!, columns: columns! })))(
  'docs/bi.md shows the columns that it prints: sluice query $call',
  async ({ call, columns }) => {
    const args = [...call.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => word.replaceAll('"', ''));
    const { code, stdout, stderr } = await sluice(['query', ...args], { DATABASE_URL: database.url });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const names = (line: string) => line.split('|').map(name => name.trim());
    expect(names(columns)).toEqual(names(stdout.split('\n')[0]!));
  },
);
