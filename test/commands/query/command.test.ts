import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { QUERIES, readShelf } from '../../../commands/query/shelf.ts';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';
import { sluice } from '../verify/pipeline.ts';
import { fillExample } from './example.ts';

const ROWS = 300_000;
let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await newDatabase();
  client = new pg.Client(database.url);
  await client.connect();
  await fillExample(client);
  await client.query(
    `INSERT INTO gold.reading_1min_mean
     SELECT '2000-01-01'::timestamptz + n * INTERVAL '1 min', 'Busy', n, n, n, 1 FROM generate_series(1, ${ROWS}) n`,
  );
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

const query = (...args: string[]) => sluice(['query', ...args], { DATABASE_URL: database.url });
const morning = ['--set', 'since=2025-11-12T10:00Z', '--set', 'until=2025-11-12T10:10Z'];

test('without a name, all queries are listed with their questions, whether or not there is a database', async () => {
  const { code, stdout, stderr } = await sluice(['query'], { DATABASE_URL: 'nothing' });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const [name, { plain }] of await readShelf()) {
    const line = stdout.split('\n').find(text => text.startsWith(`${name} `));
    expect(line?.slice(name.length).trim()).toBe(plain.question);
  }
});

test('--help of a query says how to read its answer, and its parameters with their defaults', async () => {
  const { code, stdout } = await query('gaps', '--help');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^gaps: When did a sensor send nothing for too long .*\?\n\nOne row a gap/);
  expect(stdout).toMatch(/^ {2}sensor +text +only this sensor; NULL: all$/m);
  expect(stdout).toMatch(/^ {2}since +timestamptz +gaps that .* \(default: now\(\) - INTERVAL '1 hour'\)$/m);
  expect((await query('--help')).stdout).toMatch(/^Usage: sluice query .*--timeout/s);
});

test('--sql prints the file, to paste', async () => {
  expect((await query('latest', '--sql')).stdout).toBe(await readFile(join(QUERIES, 'latest.sql'), 'utf8'));
});

test('a query is asked with values of the command line, and answers as table, csv or json', async () => {
  const args = ['duplicates', ...morning, '--set', 'sensor=Sensor 1'];
  expect(await query(...args)).toEqual({
    code: 0,
    stderr: '',
    stdout: `${[
      ' bucket               | sensor_id | duplicates | minutes | last_loaded_at',
      '----------------------+-----------+------------+---------+----------------------',
      ' 2025-11-12T10:00:00Z | Sensor 1  |          4 |       2 | 2025-11-12T10:09:00Z',
      '(1 row)',
    ].join('\n')}\n`,
  });
  expect((await query(...args, '--format', 'csv')).stdout).toBe(
    'bucket,sensor_id,duplicates,minutes,last_loaded_at\n2025-11-12T10:00:00Z,Sensor 1,4,2,2025-11-12T10:09:00Z\n',
  );
  expect(JSON.parse((await query(...args, '--format', 'json')).stdout)).toEqual([
    {
      bucket: '2025-11-12T10:00:00Z',
      sensor_id: 'Sensor 1',
      duplicates: 4,
      minutes: 2,
      last_loaded_at: '2025-11-12T10:09:00Z',
    },
  ]);
});

test.each([
  { args: ['latst'], says: /no query "latst"; did you mean "latest"\?/ },
  { args: ['latst', '--help'], says: /no query "latst"; did you mean "latest"\?/ },
  { args: ['latst', '--sql'], says: /no query "latst"/ },
  { args: ['../sensors'], says: /no query/ },
  {
    args: ['gaps', '--set', 'sinse=2025-11-12'],
    says: /no parameter "sinse": it has sensor, since, until, longer_than, unregistered; did you mean "since"\?/,
  },
  { args: ['gaps', '--set', 'since'], says: /--set takes name=value, not "since"/ },
  { args: ['gaps', '--set', 'since=yesteryear'], says: /since must be of type timestamptz: .*"yesteryear"/ },
  { args: ['gaps', '--set', 'longer_than=long'], says: /longer_than must be of type interval: .*"long"/ },
  { args: ['pivot', '--set', 'since=2025-02-30'], says: /since must be of type timestamptz/ },
  { args: ['gaps', '--json', '--format', 'csv'], says: /'--json' cannot be used with option '--format/ },
  { args: ['gaps', '--format', 'xml'], says: /Allowed choices are table, csv, json/ },
  { args: ['gaps', '--timeout', '0'], says: /whole number/ },
  { args: ['gaps', '--timeout', '9999999'], says: /whole number from 1 to 2147483/ },
])('wrong usage ends with 2 and says what there is: $args', async ({ args, says }) => {
  const { code, stdout, stderr } = await query(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/^ +at /m);
});

test('a value is a value, whatever is in it', async () => {
  const evil = "sensor=x' OR true; DROP TABLE gold.hourly_mean; --";
  expect(await query('hourly-mean', '--set', evil, '--set', 'since=2025-11-01')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/\(0 rows\)\n$/),
  });
});

test('a query writes nothing, even where a view would', async () => {
  await client.query(`
    CREATE SEQUENCE silver.asked;
    ALTER VIEW silver.latest_reading RENAME TO latest;
    CREATE VIEW silver.latest_reading AS SELECT * FROM silver.latest WHERE nextval('silver.asked') > 0`);
  const { code, stderr } = await query('latest');
  await client.query('DROP VIEW silver.latest_reading; ALTER VIEW silver.latest RENAME TO latest_reading');
  expect(code).toBe(1);
  expect(stderr).toMatch(/read-only transaction/);
});

test('an answer that takes too long ends with 1, and says what helps', async () => {
  await client.query('BEGIN; LOCK TABLE gold.hourly_mean');
  const { code, stderr } = await query('hourly-mean', '--timeout', '1');
  await client.query('ROLLBACK');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^sluice: The answer took longer than 1 s\. .*--timeout 5\n$/);
});

test('a database without the tables ends with 1, and says what to do', async () => {
  const empty = await newDatabase({ migrated: false });
  const { code, stderr } = await sluice(['query', 'latest'], { DATABASE_URL: empty.url });
  await empty.drop();
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^sluice: The database "test_\w+" on \S+ has no tables of Sluice\..*`sluice migrate`.*\n$/,
  );
});

test('a long answer streams: it takes no more memory than a short one', async () => {
  const args = [
    'query',
    'rate-of-change',
    '--format',
    'json',
    '--set',
    'sensor=Busy',
    '--set',
    'since=2000-01-01',
  ];
  const { code, stdout, stderr } = await sluice(args, { DATABASE_URL: database.url }, [
    '--max-old-space-size=32',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toHaveLength(ROWS);
});

test('who has read enough may leave', async () => {
  const args = ['query', 'rate-of-change', '--set', 'sensor=Busy', '--set', 'since=2000-01-01'];
  const child = spawn(process.execPath, [join(QUERIES, '../../sluice.js'), ...args], {
    env: { PATH: process.env.PATH, DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const errors = text(child.stderr);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  expect(await closed).toEqual([0, null]);
  expect(await errors).toBe('');
});
