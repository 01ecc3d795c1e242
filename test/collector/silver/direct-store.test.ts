import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { Watermark } from '../../../collector/bronze/watermark.ts';
import { refreshStaleMinutes } from '../../../collector/gold/refresh.ts';
import { COUNTERS, countersOf } from '../../../collector/silver/counters.ts';
import { DirectBatch } from '../../../collector/silver/direct-batch.ts';
import { storeDirect } from '../../../collector/silver/direct-store.ts';
import { OffsetMovedError } from '../../../collector/silver/ledger.ts';
import type { Registry } from '../../../collector/silver/registry.ts';
import { storeStaged } from '../../../collector/silver/staged-store.ts';
import { databaseServers, newDatabase, type TestDatabase } from '../../harness/database.ts';
import { decoderOf, linesOf, loaderConnection, register } from '../../harness/lines.ts';

const berlin = zoneOf('Europe/Berlin');
const TABLES = [
  'bronze.raw_file',
  'silver.sensor_reading',
  'silver.rejected_line',
  'silver.seen_sensor',
  'sluice.stale_minute',
];
/** Lines of several sensors in one file, the eleventh after a mark. */
const watermark = () =>
  new Watermark({
    lateMinutes: 60,
    marks: [{ from: 700, newest: Date.UTC(2025, 0, 3) / 1000 }],
    sensors: new Map(),
  });

describe.each(databaseServers())('on $name', server => {
  let database: TestDatabase;
  let registry: Registry;

  beforeAll(async () => {
    database = await newDatabase({ server });
    await using connection = await loaderConnection(database);
    registry = await register(connection.client, ['a', 'b\\N'], 0, 45);
  });
  afterAll(() => database.drop());
  const clear = () =>
    database.query(
      `TRUNCATE bronze.decoded_with, bronze.outlet_file, ${TABLES.join(', ')}, silver.conflicting_reading, gold.reading_1min_mean`,
    );
  beforeEach(clear);

  const batchOf = (file: string, texts: readonly string[], start = 0) =>
    new DirectBatch(
      [
        {
          file,
          start,
          bytes: Buffer.from(texts.map(text => `${text}\n`).join('')),
          watermark: watermark(),
        },
      ],
      decoderOf(registry, berlin),
    );
  const store = async (file: string, texts: readonly string[], start = 0) => {
    await using connection = await loaderConnection(database);
    await storeDirect(connection.client, 'c', batchOf(file, texts, start));
  };
  const contents = async () => ({
    ledger: await database.query(`SELECT path, bytes, newest, ${COUNTERS} FROM bronze.raw_file ORDER BY 1`),
    rows: await database.query(
      'SELECT time::text, sensor_id, value, quality, late FROM silver.sensor_reading ORDER BY 2, 1',
    ),
    rejected: await database.query(
      'SELECT byte_offset, reading, reason, line, time::text, sensor_id FROM silver.rejected_line ORDER BY 1',
    ),
    sensors: await database.query('SELECT sensor_id FROM silver.seen_sensor ORDER BY 1'),
    minutes: await database.query('SELECT DISTINCT bucket, sensor_id FROM sluice.stale_minute ORDER BY 2, 1'),
  });
  const nothing = { ledger: [], rows: [], rejected: [], sensors: [], minutes: [] };

  test('it stores what storeStaged stores', async () => {
    const form = fc.constantFrom(
      (id: string, dt: string, value: number) => `{"id": ${id}, "dt": "${dt}Z", "value": ${value}}`,
      (id: string, dt: string, value: number) => `{"id":${id},"dt":"${dt}Z","value":${value}}`,
      (id: string, dt: string, value: number) => `{"value":${value},"dt":"${dt}","id":${id},"x":"é\\u0000"}`,
      (id: string, dt: string) => `{"id":${id},"dt":"${dt}Z"}`,
      () => 'torn',
    );
    const line = fc.record({
      form,
      id: fc.constantFrom('a', 'b\\N', 'ü🌡', 'unknown'),
      value: fc.oneof(fc.integer({ min: -5, max: 50 }), fc.double({ noNaN: true, noDefaultInfinity: true })),
      gap: fc.integer({ min: 1, max: 100_000 }),
      back: fc.constantFrom(0, 0, 3, 40),
    });
    await using connection = await loaderConnection(database);
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 30 }), async list => {
        // Hours apart or more, so that no two readings share a key, whatever the zone. Some come back from hours ago.
        const texts = list.map(({ form, id, value, gap, back }, index) => {
          const time = new Date(Date.UTC(2025, 0, 1, 5 * (index - back)) + gap).toISOString().slice(0, -1);
          return form(JSON.stringify(id), time, value);
        });
        await clear();
        const batch = batchOf('f', texts);
        await storeDirect(connection.client, 'c', batch);
        const direct = await contents();
        await clear();
        const lines = linesOf('f', texts, registry, 0, berlin, watermark());
        expect(await storeStaged(connection.client, 'c', lines, new Map())).toEqual(
          countersOf(batch.ranges[0]!),
        );
        expect(direct).toEqual(await contents());
      }),
      { numRuns: 25 },
    );
  });

  const good = '{"id": "a", "dt": "2025-11-12T10:15:01.000Z", "value": 20}';

  test('a key that is there already fails it all, and nothing has changed', async () => {
    await store('f', [good]);
    const before = await contents();
    const fresh = good.replace(':01.000Z', ':02.000Z');
    await expect(store('g', [fresh, 'torn', good])).rejects.toMatchObject({ code: '23505' });
    await expect(store('g', [fresh, 'torn', fresh])).rejects.toMatchObject({ code: '23505' });
    expect(await contents()).toEqual(before);
  });

  test('a fault amid a long COPY ends it with its own reason, and the connection goes on where it can', async () => {
    const many = Array.from({ length: 60_000 }, (_, index) =>
      good.replace(
        '2025-11-12T10:15:01.000',
        new Date(Date.UTC(2025, 0, 1) + index * 1000).toISOString().slice(0, -1),
      ),
    );
    await store('f', [many[10_000]!]);
    const before = await contents();
    await using connection = await loaderConnection(database);
    const attempt = () => storeDirect(connection.client, 'c', batchOf('g', many));
    await expect(attempt()).rejects.toMatchObject({ code: '23505' });
    await database.query(
      `CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$`,
    );
    await database.query(
      'CREATE TRIGGER fault BEFORE INSERT ON silver.sensor_reading FOR EACH ROW EXECUTE FUNCTION fault()',
    );
    await expect(attempt()).rejects.toThrow(/terminat|closed|ended|reset/i);
    await database.query('DROP TRIGGER fault ON silver.sensor_reading');
    expect(await contents()).toEqual(before);
  });

  test('a batch that does not begin at the offset of the ledger changes nothing', async () => {
    await store('f', [good]);
    const before = await contents();
    for (const start of [0, 7]) {
      await expect(store('f', [good.replace(':01', ':03')], start)).rejects.toThrow(OffsetMovedError);
    }
    expect(await contents()).toEqual(before);
  });

  test('rows and offset commit together or not at all', async () => {
    for (const sql of [`RAISE EXCEPTION 'no'`, 'PERFORM pg_terminate_backend(pg_backend_pid())']) {
      await database.query(
        `CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${sql}; RETURN NEW; END $$`,
      );
      for (const table of [...TABLES, 'bronze.raw_file UPDATE']) {
        const [name, event = 'INSERT'] = table.split(' ');
        await database.query(
          `CREATE TRIGGER fault AFTER ${event} ON ${name} FOR EACH ROW EXECUTE FUNCTION fault()`,
        );
        await expect(store('f', [good, 'torn'])).rejects.toThrow();
        await database.query(`DROP TRIGGER fault ON ${name}`);
        expect(await contents(), table).toEqual(nothing);
      }
    }
    await store('f', [good, 'torn']);
  });

  test('every minute that it touches is refreshed, also when the readings come in no order', async () => {
    const seconds = [0, 130, 10, 70, 131, 59];
    await store(
      'f',
      seconds.map(second =>
        JSON.stringify({
          id: 'a',
          dt: new Date(Date.UTC(2025, 10, 12, 10, 15, second)).toISOString(),
          value: second % 40,
        }),
      ),
    );
    await using connection = await loaderConnection(database);
    expect(await refreshStaleMinutes(connection.client)).toBe(3);
    const n = await database.query('SELECT n::int FROM gold.reading_1min_mean ORDER BY bucket');
    expect(n).toEqual([{ n: 3 }, { n: 1 }, { n: 2 }]);
  });
});
