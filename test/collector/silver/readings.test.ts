import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseTime, zoneOf } from '../../../base/time.ts';
import type { StoredReading } from '../../../collector/silver/reading-columns.ts';
import { type Fetching, readingBatches, type Selection } from '../../../collector/silver/readings.ts';
import { connect } from '../../../db/connect.ts';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';

const utc = zoneOf('UTC');
const at = (text: string) => parseTime(text, utc)!;
const MANY = 40_000;
let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await newDatabase();
  await database.query(
    `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality, late, stuck, jump)
     SELECT TIMESTAMPTZ '2025-11-12T00:00:00Z' + n * INTERVAL '1 second', id, n, 'valid', n = 1, n = 2, n = 3
     FROM generate_series(0, $1 - 1) n, (VALUES ('many'), ('other')) s (id)`,
    [MANY],
  );
  await database.query(
    `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality) VALUES
       ('2025-11-12T10:00:00Z', 'few', 1, 'valid'), ('2025-11-12T10:00:00.5Z', 'few', -2.5e-7, 'out_of_range'),
       ('2025-11-12T10:00:00.000001Z', 'few', 0.1, 'unknown_sensor'), ('2025-11-12T10:00:01Z', 'few', 1e20, 'valid')`,
  );
  client = await connect(database.url, 'readings test', () => undefined);
});
afterAll(async () => {
  await client?.end();
  await database?.drop();
});

function select(sensorId: string, more: Partial<Selection> = {}): Selection {
  return { sensorId, from: at('2025-11-12'), to: at('2025-11-13'), ...more };
}

async function all(selection: Selection, fetching?: Fetching): Promise<StoredReading[]> {
  const readings: StoredReading[] = [];
  for await (const batch of readingBatches(client, selection, fetching)) readings.push(...batch);
  return readings;
}

test('readings are exact and ascend, from the first moment on and before the last', async () => {
  const from = at('2025-11-12T10:00:00Z');
  const to = at('2025-11-12T10:00:01Z');
  const flags = { late: false, stuck: false, jump: false, inexact: false };
  expect(await all(select('few', { from, to }))).toEqual([
    { time: '2025-11-12T10:00:00Z', sensor_id: 'few', value: 1, quality: 'valid', ...flags },
    {
      time: '2025-11-12T10:00:00.000001Z',
      sensor_id: 'few',
      value: 0.1,
      quality: 'unknown_sensor',
      ...flags,
    },
    {
      time: '2025-11-12T10:00:00.500000Z',
      sensor_id: 'few',
      value: -2.5e-7,
      quality: 'out_of_range',
      ...flags,
    },
  ]);
  const later = await all(select('few', { from: from + 1, to: to + 1 }));
  expect(later.map(({ value }) => value)).toEqual([0.1, -2.5e-7, 1e20]);
  expect(await all(select('few', { from, to: from }))).toEqual([]);
  expect(await all(select('nobody'))).toEqual([]);
});

test('times are in UTC whatever the connection has set', async () => {
  await client.query("SET TIME ZONE 'Asia/Kathmandu'; SET datestyle = 'German'");
  expect((await all(select('few')))[0]!.time).toBe('2025-11-12T10:00:00Z');
  await client.query("SET TIME ZONE 'UTC'; SET datestyle = 'ISO'");
});

test('the first batch is there while the query goes on; a loop that is left ends it', async () => {
  const state = async () =>
    (
      await database.query<{ state: string; query: string; transaction: boolean }>(
        `SELECT state, query, xact_start IS NOT NULL AS transaction FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'readings test'`,
      )
    )[0]!;
  let batches = 0;
  for await (const batch of readingBatches(client, select('many'), { batchRows: 100 })) {
    expect(batch).toHaveLength(100);
    expect(batch[0]!.value).toBe(100 * batches);
    expect(await state()).toMatchObject({ state: 'active', transaction: true });
    if (++batches === 3) break;
  }
  await eventually(async () => expect(await state()).toMatchObject({ state: 'idle', transaction: false }));
  expect(await all(select('many'))).toHaveLength(MANY);
});

test('the server fetches what is read and no more: it does not collect and sort first', async () => {
  await database.query('ANALYZE silver.sensor_reading');
  // As in a table of years, where following the key is many a seek: PostgreSQL by itself would rather sort.
  await client.query('SET random_page_cost = 100');
  const fetched = async () => {
    await client.query('SELECT pg_stat_force_next_flush()');
    const [row] = await database.query<{ tuples: number }>(
      `SELECT (seq_tup_read + idx_tup_fetch)::int AS tuples FROM pg_stat_user_tables WHERE relname = 'sensor_reading'`,
    );
    return row!.tuples;
  };
  const before = await fetched();
  for await (const _ of readingBatches(client, select('many'), { batchRows: 100 })) break;
  await eventually(async () => expect(await fetched()).toBeGreaterThan(before));
  expect((await fetched()) - before).toBeLessThan(1000);
});

test('whatever the pages and batches are, together they are everything once', async () => {
  const everything = await all(select('many', { to: at('2025-11-12T00:10:00Z') }));
  expect(everything).toHaveLength(600);
  const counts = fc.record({
    size: fc.integer({ min: 40, max: 700 }),
    batchRows: fc.integer({ min: 1, max: 700 }),
  });
  await fc.assert(
    fc.asyncProperty(counts, async ({ size, batchRows }) => {
      const bySkipping: StoredReading[] = [];
      const byKey: StoredReading[] = [];
      const to = at('2025-11-12T00:10:00Z');
      for (let skip = 0; skip < 600; skip += size) {
        bySkipping.push(...(await all(select('many', { to, skip, limit: size }), { batchRows })));
        const last = byKey.at(-1);
        const after = last && at(last.time);
        byKey.push(...(await all(select('many', { to, after, limit: size }), { batchRows })));
      }
      expect(bySkipping).toEqual(everything);
      expect(byKey).toEqual(everything);
    }),
    { numRuns: 20 },
  );
  expect(await all(select('many', { skip: MANY }))).toEqual([]);
});

test('a query that takes too long is ended by the server, and the connection goes on', async () => {
  const tooLong = async () => {
    for await (const _ of readingBatches(client, select('many'), { batchRows: 1, timeoutMs: 20 }));
  };
  await expect(tooLong()).rejects.toMatchObject({ code: '57014' });
  expect(await all(select('few'))).toHaveLength(4);
});

test('a connection that breaks between two batches is an error, and nothing hangs', async () => {
  const broken = await connect(database.url, 'readings broken', () => undefined);
  const read = async () => {
    for await (const _ of readingBatches(broken, select('many'), { batchRows: 10 })) {
      await database.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'readings broken'",
      );
    }
  };
  await expect(read()).rejects.toThrow(/terminat|EPIPE|ECONNRESET/);
});
