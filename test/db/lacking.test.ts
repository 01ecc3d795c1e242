import { randomBytes } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explainLack } from '../../db/lacking.ts';
import { reading, SENSORS_FILE, sluice } from '../commands/verify/pipeline.ts';
import { newDatabase, type TestDatabase, withDatabase } from '../harness/database.ts';
import { freePort, temporaryFolder } from '../harness/server.ts';

const MIGRATIONS = join(import.meta.dirname, '../../db/migrations');
const names = (await readdir(MIGRATIONS)).map(file => basename(file, '.sql')).sort();

/** Those that read a database and do not migrate it. */
const commands = [
  ['query', 'latest'],
  ['readings', '--sensor', 'Sensor 1', '--from', '2025-11-12', '--to', '2025-11-12'],
  ['report', '--date', '2025-11-12', '--out', '-'],
  ['replay', '--dry-run'],
  ['replay', '--dry-run', '--reclassify'],
].map(args => ({ args }));

/** Runs a command beside a data folder that has a reading. */
async function run(url: string, args: string[], env: Record<string, string> = {}) {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'raw'));
  await writeFile(
    join(folder.path, 'raw', '2025-11-12_Sensor_1.jsonl'),
    `${reading('Sensor 1', '2025-11-12T10:00:00Z', 1)}\n`,
  );
  return await sluice(args, { DATABASE_URL: url, DATA_DIR: folder.path, SENSORS_FILE, ...env });
}

/** A database as an older Sluice has left it. @param count of migrations that it knew. */
async function olderDatabase(count: number): Promise<TestDatabase> {
  const database = await newDatabase({ migrated: false });
  await runner({
    databaseUrl: database.url,
    dir: MIGRATIONS,
    direction: 'up',
    count,
    migrationsSchema: 'sluice',
    migrationsTable: 'migration',
    createMigrationsSchema: true,
    log: () => undefined,
  });
  return database;
}

/** The beginning of the sentence, as far as it tells which database it is about. */
function addressOf(url: string): string {
  const { pathname, host } = new URL(url);
  return `sluice: The database "${pathname.slice(1)}" on ${host} `;
}

describe('a database without tables', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await newDatabase({ migrated: false });
  });
  afterAll(() => database?.drop());

  test.each(commands)(
    'ends sluice $args with 1, its address and what to do, and stays empty',
    async ({ args }) => {
      const { code, stderr } = await run(database.url, args);
      expect(stderr).toBe(
        `${addressOf(database.url)}has no tables of Sluice. Set DATABASE_URL to the one that has, or run \`sluice migrate\`, or start the collector once.\n`,
      );
      expect(code).toBe(1);
      expect(await database.query("SELECT FROM pg_namespace WHERE nspname IN ('sluice', 'silver')")).toEqual(
        [],
      );
    },
  );
});

describe('a database of an older Sluice', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await olderDatabase(1);
  });
  afterAll(() => database?.drop());

  test.each(commands)('ends sluice $args with 1, and the migrations that it lacks', async ({ args }) => {
    const { code, stderr } = await run(database.url, args);
    expect(stderr.startsWith(addressOf(database.url))).toBe(true);
    expect(stderr).toContain(`was made by an older Sluice: it lacks ${names.slice(1).join(', ')} (`);
    expect(stderr).toMatch(/ does not exist\)\. Run `sluice migrate`, .*\n$/);
    expect(code).toBe(1);
  });

  test.each(commands.slice(-2))('is asked once by sluice $args', async ({ args }) => {
    const { stderr } = await run(database.url, args, { LOG_LEVEL: 'debug' });
    expect(stderr).toContain('was made by an older Sluice');
    expect(stderr).not.toMatch(/beginning the file again|judging again/);
  });

  test('answers what it can', async () => {
    const args = ['query', 'correlation', '--format', 'json'];
    expect(await run(database.url, args)).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
  });
});

test('a user who may not see the migrations is told what is missing, and who can help', async () => {
  const database = await olderDatabase(1);
  const role = `reader_${randomBytes(6).toString('hex')}`;
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
  await database.query(
    `GRANT USAGE ON SCHEMA silver, gold TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA silver, gold TO ${role}`,
  );
  const url = new URL(database.url);
  url.username = role;
  url.password = 'secret';
  const { code, stderr } = await run(url.href, ['query', 'latest']);
  await database.query(
    `REVOKE ALL ON SCHEMA silver, gold FROM ${role}; REVOKE ALL ON ALL TABLES IN SCHEMA silver, gold FROM ${role}; DROP ROLE ${role}`,
  );
  await database.drop();
  expect(stderr).toBe(
    `${addressOf(database.url)}lacks what this Sluice reads (relation "silver.latest_reading" does not exist). Let its owner run \`sluice migrate\`, or start the collector of this version once.\n`,
  );
  expect(code).toBe(1);
});

test('a database of a newer Sluice asks for an update, not for a migration', async () => {
  await withDatabase(async ({ url, query }) => {
    await query("INSERT INTO sluice.migration (name, run_on) VALUES ('9999_ebb', now())");
    await query('DROP VIEW silver.latest_reading CASCADE');
    const { code, stderr } = await run(url, ['query', 'latest']);
    expect(stderr).toMatch(/made by a newer Sluice: it has 9999_ebb.*Update Sluice/);
    expect(code).toBe(1);
  });
});

test('where all migrations are applied, what is missing is named', async () => {
  await withDatabase(async ({ url, query }) => {
    await query('DROP VIEW silver.latest_reading CASCADE');
    expect((await run(url, ['query', 'latest'])).stderr).toBe(
      `${addressOf(url)}lacks what Sluice reads (relation "silver.latest_reading" does not exist), although all migrations were applied. db/schema.sql shows what must be there.\n`,
    );
  });
});

test('every other error stays what it is, and so does one that nobody can explain', async () => {
  await withDatabase(
    async ({ url, query }) => {
      const denied = Object.assign(new pg.DatabaseError('denied', 0, 'error'), { code: '42501' });
      expect(await explainLack(denied, url)).toBe(denied);
      expect(await explainLack(undefined, url)).toBe(undefined);
      const lack = await query('TABLE nowhere').catch(error => error);
      expect(await explainLack(lack, url)).toMatchObject({ cause: lack });
      expect(await explainLack(lack, `postgresql://127.0.0.1:${await freePort()}/sluice`)).toBe(lack);
    },
    { migrated: false },
  );
});
