import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { forgetReadings } from '../../collector/retention/silver-retention.ts';
import { declareRetention } from '../../db/retention-policy.ts';
import { Silver } from '../collector/gold/silver.ts';
import { newDatabase, type TestDatabase } from '../harness/database.ts';
import { userOf } from '../harness/user.ts';

/* What the roles may not do by any detour. Their rights as such are in roles.test.ts. */

const DENIED = { code: '42501' };
const DAY_MS = 86_400_000;

let database: TestDatabase;
beforeEach(async () => {
  database = await newDatabase();
});
afterEach(() => database.drop());

/** Readings of a sensor, one at noon of each day, so many days ago. */
const store = (...daysAgo: number[]) =>
  database.query(
    `INSERT INTO silver.sensor_reading
     SELECT date_trunc('day', now(), 'UTC') - n * INTERVAL '24 hours' + INTERVAL '1 minute', 'a', n, 'valid'
     FROM unnest($1::int[]) n`,
    [daysAgo],
  );
const left = async () =>
  (await database.query<{ n: number }>('SELECT value::int AS n FROM silver.sensor_reading ORDER BY 1')).map(
    ({ n }) => n,
  );

describe('sluice_writer cannot erase what the settings do not say', () => {
  test('without a word of the owner nothing goes', async () => {
    await store(1, 400);
    await using writer = await userOf(database, 'sluice_writer');
    await expect(writer.query("SELECT sluice.advance_retention(1, 'infinity')")).rejects.toMatchObject(
      DENIED,
    );
    await writer.query('SELECT sluice.forget_chunks(), sluice.forget_rows(1000)');
    expect(await left()).toEqual([1, 400]);
  });

  test('neither its days nor its clock take more than the owner has said', async () => {
    await store(1, 29, 31);
    await database.query('INSERT INTO sluice.retention_policy (silver_days) VALUES (30)');
    await using writer = await userOf(database, 'sluice_writer');
    await writer.query("SELECT sluice.advance_retention(-1000, '2190-01-01')");
    await writer.query('SELECT sluice.forget_chunks(), sluice.forget_rows(1000)');
    expect(await left()).toEqual([1, 29]);
    for (const statement of [
      "INSERT INTO sluice.retention (dropped_before) VALUES ('2190-01-01Z')",
      "UPDATE sluice.retention SET dropped_before = '2190-01-01Z'",
      'UPDATE sluice.retention_policy SET silver_days = 1',
      'DELETE FROM sluice.retention_policy',
      'DELETE FROM silver.sensor_reading',
    ])
      await expect(writer.query(statement), statement).rejects.toMatchObject(DENIED);
  });

  test('a clock of its own that is behind holds it back', async () => {
    await store(1, 31);
    await database.query('INSERT INTO sluice.retention_policy (silver_days) VALUES (30)');
    const silver = await Silver.open(database);
    await forgetReadings(silver.client, { days: 30, clock: Date.now() - 10 * DAY_MS });
    await silver[Symbol.asyncDispose]();
    expect(await left()).toEqual([1, 31]);
  });

  test('the newest day never goes, and a reading ahead of the clock is not it', async () => {
    await store(400, 401, -3);
    await database.query('INSERT INTO sluice.retention_policy (silver_days) VALUES (1)');
    await using writer = await userOf(database, 'sluice_writer');
    await writer.query("SELECT sluice.advance_retention(1, 'infinity')");
    await writer.query('SELECT sluice.forget_chunks(), sluice.forget_rows(1000)');
    expect(await left()).toEqual([-3, 400]);
  });

  test('what the settings say and the owner has not said is a warning', async () => {
    await using writer = await userOf(database, 'sluice_writer');
    const warnings: string[] = [];
    await declareRetention(writer, 7, message => warnings.push(message));
    expect(warnings).toEqual([expect.stringMatching(/SILVER_RETENTION_DAYS=7.*run `sluice migrate`/)]);
  });
});

test('sluice_reader cannot hold up a refresh, a load or the retention', async () => {
  const silver = await Silver.open(database);
  await silver.store([{ second: 0 }]);
  await database.query('INSERT INTO sluice.retention_policy (silver_days) VALUES (1)');
  await using reader = await userOf(database, 'sluice_reader');
  // All the locks that it can get: those of old Sluices, and the weakest of every table that it sees.
  await reader.query('SELECT pg_advisory_lock(5813402117), pg_advisory_lock(5813402118)');
  await reader.query('BEGIN');
  const { rows } = await reader.query(
    `SELECT oid::regclass::text AS name FROM pg_class
     WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('bronze', 'silver', 'gold', 'sluice')
       AND has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(oid, 'SELECT')`,
  );
  expect(rows.length).toBeGreaterThan(10);
  for (const { name } of rows) await reader.query(`LOCK TABLE ${name} IN ACCESS SHARE MODE`);
  for (const statement of [
    'SELECT FROM sluice.refresh FOR SHARE',
    'LOCK TABLE sluice.refresh IN ACCESS SHARE MODE',
    'LOCK TABLE silver.sensor_reading IN ROW EXCLUSIVE MODE',
    'SELECT FROM silver.sensor_reading FOR KEY SHARE',
  ]) {
    await reader.query('SAVEPOINT before');
    await expect(reader.query(statement), statement).rejects.toMatchObject(DENIED);
    await reader.query('ROLLBACK TO before');
  }
  await silver.query("SET lock_timeout = '1s'");
  await silver.store([{ second: 60 }]);
  expect(await silver.refresh()).toBe(2);
  expect(await forgetReadings(silver.client, { days: 1, clock: Date.now() })).toEqual({ rows: 0, chunks: 0 });
  await reader.query('ROLLBACK');
  await silver[Symbol.asyncDispose]();
});

test('a reader cannot fill the disk, where a superuser has made the database', async context => {
  const [{ is_superuser }] = (await database.query('SHOW is_superuser')) as [{ is_superuser: string }];
  // The embedded server has none that could log in; npm run test:oldest runs as one.
  if (is_superuser === 'off') return context.skip('needs a superuser');
  await database.query('CALL sluice.grant_roles(); CALL sluice.shape_database()');
  await using reader = await userOf(database, 'sluice_reader');
  await reader.query('SET default_transaction_read_only = off');
  for (const statement of [
    "SELECT lo_from_bytea(0, 'x')",
    'SELECT lo_create(0)',
    'SELECT lo_creat(0)',
    'CREATE TEMP TABLE t (x int)',
    'CREATE TABLE public.t (x int)',
    "SET temp_file_limit = '-1'",
  ])
    await expect(reader.query(statement), statement).rejects.toMatchObject(DENIED);
  expect((await reader.query('SHOW temp_file_limit')).rows).toEqual([{ temp_file_limit: '10GB' }]);
});

describe('names without a schema', () => {
  const path = async () => {
    await using reader = await userOf(database, 'sluice_reader');
    return (await reader.query('SHOW search_path')).rows[0].search_path;
  };

  test('are those of silver and gold, where the database holds nothing else', async () => {
    await database.query('CALL sluice.shape_database()');
    expect(await path()).toBe('silver, gold, public');
  });

  test('stay what they were where it has tables of others', async () => {
    await database.query('CREATE TABLE public.sensor (id int)');
    await database.query('CALL sluice.shape_database()');
    expect(await path()).toBe('"$user", public');
  });
});
