import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { SENSORS_FILE, sluice } from '../commands/verify/pipeline.ts';
import { startEmbedded } from '../harness/broker.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import { configFor, loaded, receiving, startCollector } from '../harness/pipeline.ts';
import { databaseUrl, startPostgres, temporaryFolder } from '../harness/server.ts';

// Roles belong to a whole server, so this file has one of its own.
let server: Awaited<ReturnType<typeof startPostgres>>;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server[Symbol.asyncDispose]());

/** The same database for somebody else. */
function urlAs(user: string, database: string): string {
  const url = new URL(databaseUrl(server.url, database));
  url.username = user;
  url.password = 'secret';
  return url.href;
}

/** Runs statements on a connection of their own. @returns the rows of each. */
// biome-ignore lint/suspicious/noExplicitAny: a test knows the columns that it asks for.
async function run(url: string, ...statements: string[]): Promise<any[][]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const results = [];
    for (const statement of statements) results.push((await client.query(statement)).rows);
    return results;
  } finally {
    await client.end();
  }
}

/** The SQLSTATE with which a statement is refused. */
async function refusal(url: string, ...statements: string[]): Promise<string | undefined> {
  return run(url, ...statements).then(
    () => undefined,
    (error: pg.DatabaseError) => error.code,
  );
}

const DENIED = '42501';
const READ_ONLY = '25006';

test('whoever may not create roles migrates all the same, is told so, and can make up for it', async () => {
  await run(server.url, "CREATE ROLE plain LOGIN CREATEDB PASSWORD 'secret'");
  await run(urlAs('plain', 'sluice'), 'CREATE DATABASE of_plain');
  const url = urlAs('plain', 'of_plain');
  const warnings: string[] = [];
  const { applied } = await migrate(url, (message, level) => level === 'warn' && warnings.push(message));
  expect(applied).toContain('0004_roles');
  expect(warnings).toEqual([
    expect.stringMatching(/plain may not create roles.*CALL sluice\.grant_roles\(\)/),
    expect.stringMatching(/may also fill its disk.*CALL sluice\.shape_database\(\)/),
  ]);

  await run(server.url, 'CREATE ROLE sluice_writer', 'CREATE ROLE sluice_reader');
  const rights = `SELECT has_table_privilege('sluice_reader', 'gold.daily_mean', 'SELECT') AS reads,
    has_table_privilege('sluice_writer', 'gold.daily_mean', 'DELETE') AS writes`;
  expect(
    await run(url, rights, 'CALL sluice.grant_roles()', rights, 'CALL sluice.grant_roles()', rights),
  ).toEqual([
    [{ reads: false, writes: false }],
    [],
    [{ reads: true, writes: true }],
    [],
    [{ reads: true, writes: true }],
  ]);
  await run(url, 'DROP OWNED BY plain CASCADE');
  await run(urlAs('plain', 'sluice'), 'DROP DATABASE of_plain');
  await run(server.url, 'DROP ROLE sluice_writer, sluice_reader');
});

test('several databases of a server can be migrated at the same moment', async () => {
  const names = ['one', 'two', 'three', 'four'];
  for (const name of names) await run(server.url, `CREATE DATABASE ${name}`);
  const all = await Promise.all(names.map(name => migrate(databaseUrl(server.url, name))));
  for (const { applied } of all) expect(applied).toContain('0004_roles');
  const [roles] = await run(
    server.url,
    "SELECT rolname, rolcanlogin, rolsuper, rolcreaterole FROM pg_roles WHERE rolname ~ '^sluice_' ORDER BY 1",
  );
  const neither = { rolcanlogin: false, rolsuper: false, rolcreaterole: false };
  expect(roles).toEqual([
    { rolname: 'sluice_reader', ...neither },
    { rolname: 'sluice_writer', ...neither },
  ]);
  for (const name of names) {
    const [granted] = await run(
      databaseUrl(server.url, name),
      `SELECT has_table_privilege('sluice_reader', 'silver.sensor_reading', 'SELECT') AS reads,
         has_table_privilege('sluice_writer', 'silver.sensor_reading', 'INSERT') AS writes,
         has_database_privilege('sluice_writer', current_database(), 'TEMP') AS temporary`,
    );
    expect(granted).toEqual([{ reads: true, writes: true, temporary: true }]);
  }
});

describe('on a migrated database', () => {
  const database = 'of_roles';
  let owner: string;
  let writer: string;
  let reader: string;

  beforeAll(async () => {
    owner = databaseUrl(server.url, database);
    writer = urlAs('sluice_writer', database);
    reader = urlAs('sluice_reader', database);
    await run(server.url, `CREATE DATABASE ${database}`);
    await migrate(owner);
    for (const role of ['sluice_writer', 'sluice_reader']) {
      await run(server.url, `ALTER ROLE ${role} LOGIN PASSWORD 'secret'`);
    }
  });

  test('sluice_writer records, loads, refreshes, verifies, replays, judges again and imports', async () => {
    await using broker = await startEmbedded();
    await using folder = await temporaryFolder();
    const dataDir = join(folder.path, 'data');
    const env = { MQTT_URL: broker.url, DATABASE_URL: writer, DATA_DIR: dataDir, SENSORS_FILE };
    const query = async (sql: string) => (await run(owner, sql))[0]!;
    {
      await using running = await startCollector(configFor(env));
      await receiving(running.http);
      const at = (second: number) => new Date(Date.UTC(2025, 10, 12, 10, 15, second)).toISOString();
      const sent = Array.from({ length: 20 }, (_, n) => payloadOf('Sensor 1', at(n * 10), 20 + n));
      // A duplicate, a conflict, a value that cannot be stored, and a late one.
      sent.push(sent[0]!, payloadOf('Sensor 1', at(0), 7), payloadOf('Sensor 1', at(1), 'x'));
      sent.push(payloadOf('Sensor 1', at(3600), 20), payloadOf('Sensor 1', at(5), 20));
      await publish(broker.url, sent);
      await loaded({ query } as unknown as Parameters<typeof loaded>[0], sent.length);
    }
    const [ledger] = await query(
      'SELECT stored::int, duplicates::int, conflicts::int, rejected::int FROM bronze.raw_file',
    );
    expect(ledger).toEqual({ stored: 22, duplicates: 1, conflicts: 1, rejected: 1 });
    expect(await sluice(['verify'], env)).toMatchObject({ code: 0, stderr: '' });

    await run(owner, "DELETE FROM silver.sensor_reading WHERE time < '2025-11-12 10:16Z'");
    await run(owner, "UPDATE silver.sensor SET max_value = 25 WHERE sensor_id = 'Sensor 1'");
    expect(await sluice(['replay', '--dry-run'], env)).toMatchObject({ code: 0, stderr: '' });
    expect(await sluice(['replay'], { ...env, SENSORS_FILE: 'none' })).toMatchObject({ code: 0, stderr: '' });
    expect(await sluice(['replay', '--reclassify'], env)).toMatchObject({ code: 0, stderr: '' });
    const [judged] = await query(
      "SELECT count(*)::int AS n, count(*) FILTER (WHERE quality = 'out_of_range')::int AS odd FROM silver.sensor_reading",
    );
    expect(judged).toEqual({ n: 22, odd: 14 });
    expect(await sluice(['verify'], env)).toMatchObject({ code: 0, stderr: '' });
    expect(await sluice(['sensors', 'import', SENSORS_FILE, '--prune'], env)).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await sluice(['sensors', 'export', '-'], env)).toMatchObject({ code: 0, stderr: '' });
    expect(await sluice(['migrate'], env)).toMatchObject({ code: 0, stderr: '' });
  });

  test.each([
    'DROP TABLE silver.sensor_reading',
    'TRUNCATE silver.sensor_reading',
    'TRUNCATE sluice.stale_minute',
    'ALTER TABLE gold.daily_mean ADD COLUMN x int',
    'ALTER TABLE silver.sensor DISABLE TRIGGER ALL',
    'CREATE INDEX ON silver.sensor (unit)',
    'DELETE FROM silver.sensor_reading',
    'UPDATE silver.sensor_reading SET value = 0',
    'UPDATE silver.rejected_line SET reason = NULL',
    'DELETE FROM bronze.raw_file',
    'DELETE FROM sluice.migration',
    "INSERT INTO sluice.writer_right VALUES ('gold.x', 'ALL')",
    'CALL sluice.grant_roles()',
    'CREATE TABLE silver.mine ()',
    'CREATE TABLE public.mine ()',
    'CREATE SCHEMA mine',
    'CREATE ROLE mine',
    'GRANT SELECT ON silver.sensor TO PUBLIC WITH GRANT OPTION',
  ])('sluice_writer may not: %s', async statement => {
    if (statement.startsWith('GRANT')) {
      await run(writer, 'GRANT SELECT ON silver.sensor TO PUBLIC').catch(() => undefined);
      const [acl] = await run(
        owner,
        "SELECT count(*)::int AS n FROM pg_class, aclexplode(relacl) WHERE oid = 'silver.sensor'::regclass AND grantee = 0",
      );
      expect(acl).toEqual([{ n: 0 }]);
    } else expect(await refusal(writer, statement)).toBe(DENIED);
  });

  test('sluice_reader reads everything in silver and gold, and nothing else', async () => {
    const [relations] = await run(
      owner,
      "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE relnamespace IN ('silver'::regnamespace, 'gold'::regnamespace) AND relkind IN ('r', 'p', 'v')",
    );
    expect(relations!.length).toBeGreaterThan(15);
    for (const { name } of relations!) await run(reader, `SELECT * FROM ${name} LIMIT 1`);
    expect(await refusal(reader, 'SELECT * FROM bronze.raw_file')).toBe(DENIED);
    expect(await refusal(reader, 'SELECT * FROM sluice.migration')).toBe(DENIED);
    const [, [timeout], [idle]] = (await run(
      reader,
      'SHOW default_transaction_read_only',
      'SHOW statement_timeout',
      'SHOW idle_in_transaction_session_timeout',
    )) as [unknown, object[], object[]];
    expect([timeout, idle]).toEqual([
      { statement_timeout: '5min' },
      { idle_in_transaction_session_timeout: '5min' },
    ]);
  });

  test.each([
    "INSERT INTO silver.seen_sensor VALUES ('x')",
    'UPDATE silver.sensor_reading SET value = 0',
    'DELETE FROM gold.daily_mean',
    'TRUNCATE gold.daily_mean',
    'DROP VIEW gold.daily_power',
    'CREATE TABLE public.mine ()',
    'CREATE TABLE gold.mine ()',
    'CREATE TEMP TABLE mine ()',
  ])('sluice_reader may not: %s', async statement => {
    expect(await refusal(reader, statement)).toBe(READ_ONLY);
    // The setting is a seat belt; what holds is that nothing is granted.
    expect(await refusal(reader, 'SET default_transaction_read_only = off', statement)).toBe(DENIED);
  });

  test('both read the tables and views that a later migration makes', async () => {
    await run(owner, 'CREATE TABLE gold.later (n int)', 'CREATE VIEW silver.later AS SELECT 1 AS n');
    for (const url of [writer, reader])
      await run(url, 'SELECT * FROM gold.later', 'SELECT * FROM silver.later');
    expect(await refusal(writer, 'INSERT INTO gold.later VALUES (1)')).toBe(DENIED);
    await run(
      owner,
      "INSERT INTO sluice.writer_right VALUES ('gold.later', 'INSERT')",
      'CALL sluice.grant_roles()',
    );
    await run(writer, 'INSERT INTO gold.later VALUES (1)');
    await run(
      owner,
      'CREATE FUNCTION gold.later(bigint) RETURNS bigint RETURN $1',
      'REVOKE EXECUTE ON FUNCTION gold.later FROM PUBLIC',
    );
    expect(await refusal(writer, 'SELECT gold.later(1)')).toBe(DENIED);
    await run(
      owner,
      "INSERT INTO sluice.writer_right VALUES ('gold.later(bigint)', 'EXECUTE')",
      'CALL sluice.grant_roles()',
    );
    await run(writer, 'SELECT gold.later(1)');
    expect(await refusal(reader, 'SELECT gold.later(1)')).toBe(DENIED);
    await run(
      owner,
      'DROP FUNCTION gold.later',
      'DROP TABLE gold.later',
      'DROP VIEW silver.later',
      'CALL sluice.grant_roles()',
    );
  });

  test('what somebody else has made in our schemas is theirs to grant', async () => {
    await run(server.url, "CREATE ROLE analyst LOGIN PASSWORD 'secret'");
    await run(owner, 'GRANT CREATE, USAGE ON SCHEMA gold TO analyst');
    await run(urlAs('analyst', database), 'CREATE VIEW gold.theirs AS SELECT 1 AS n');
    await run(owner, 'CALL sluice.grant_roles()');
    expect(await refusal(reader, 'SELECT * FROM gold.theirs')).toBe(DENIED);
    await run(reader, 'SELECT * FROM gold.daily_mean');
  });
});
