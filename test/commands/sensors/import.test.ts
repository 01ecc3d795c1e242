import fc from 'fast-check';
import type pg from 'pg';
import { expect, test } from 'vitest';
import { parseRegistry } from '../../../collector/silver/registry-file.ts';
import { exportSensors } from '../../../commands/sensors/export.ts';
import { importSensors } from '../../../commands/sensors/import.ts';
import { type TestDatabase, withDatabase } from '../../harness/database.ts';
import { loaderConnection } from '../../harness/lines.ts';

const sensor = { quantity: 'flow', unit: 'l/s', location: 'Yard', min_value: 0, max_value: 7 };

async function withRegistry(
  use: (client: pg.Client, database: TestDatabase) => Promise<void>,
): Promise<void> {
  await withDatabase(async database => {
    await using connection = await loaderConnection(database);
    await use(connection.client, database);
  });
}

const idsIn = async (database: TestDatabase) =>
  (await database.query('SELECT sensor_id FROM silver.sensor ORDER BY 1')).map(({ sensor_id }) => sensor_id);

test('an import counts what it adds, changes, leaves and, when asked, removes', () =>
  withRegistry(async (client, database) => {
    const named = (...ids: string[]) => ids.map(sensor_id => ({ sensor_id, ...sensor }));
    expect(await importSensors(client, named('a', 'b', 'c'))).toMatchObject({
      added: 3,
      changed: 0,
      unchanged: 0,
    });
    const next = [...named('b', 'd'), { sensor_id: 'c', ...sensor, unit: 'm³/s' }];
    expect(await importSensors(client, next)).toEqual({
      added: 1,
      changed: 1,
      unchanged: 1,
      pruned: 0,
      toReclassify: 0,
    });
    expect(await idsIn(database)).toEqual(['a', 'b', 'c', 'd']);
    expect(await importSensors(client, next, { prune: true })).toMatchObject({
      changed: 0,
      unchanged: 3,
      pruned: 1,
    });
    expect(await idsIn(database)).toEqual(['b', 'c', 'd']);
  }));

test('an import says of how many sensors stored readings would be judged differently', () =>
  withRegistry(async (client, database) => {
    await database.query("INSERT INTO silver.seen_sensor (sensor_id) VALUES ('a'), ('b'), ('c'), ('d')");
    const reclassified = async (...sensors: object[]) =>
      (await importSensors(client, sensors as Parameters<typeof importSensors>[1])).toReclassify;
    const [a, b, unseen] = ['a', 'b', 'unseen'].map(sensor_id => ({ sensor_id, ...sensor }));
    expect(await reclassified(a!, b!, unseen!)).toBe(2);
    expect(await reclassified(a!, b!, unseen!)).toBe(0);
    expect(await reclassified({ ...a!, unit: 'm³/s' })).toBe(0);
    expect(await reclassified({ ...a!, max_value: 8 })).toBe(1);
    expect(await reclassified({ ...a!, max_value: 8, max_stuck: '1h' })).toBe(1);
    expect((await importSensors(client, [a!], { prune: true })).toReclassify).toBe(2);
  }));

test('all of an import is there, or nothing', () =>
  withRegistry(async (client, database) => {
    await importSensors(client, [{ sensor_id: 'a', ...sensor }]);
    const bad = [
      { sensor_id: 'b', ...sensor },
      // What the file would not have let through; the database refuses it.
      { sensor_id: 'c', ...sensor, min_value: 8 },
    ];
    await expect(importSensors(client, bad, { prune: true })).rejects.toMatchObject({ code: '23514' });
    expect(await idsIn(database)).toEqual(['a']);
    // The connection is not left in a transaction that has failed.
    expect((await importSensors(client, [{ sensor_id: 'd', ...sensor }])).added).toBe(1);
  }));

test('what is exported is imported unchanged, and makes the same registry in an empty database', () =>
  withRegistry(async (client, database) => {
    const text = fc.oneof(
      fc.string({ minLength: 1, maxLength: 50, unit: 'grapheme' }),
      fc.stringMatching(/^[\s",;'=\\\n\r\t-][ -~\n\r]{0,20}$/),
    );
    const storable = text.filter(t => !t.includes('\0') && t.isWellFormed());
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    const micros = fc.option(
      fc.oneof(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), fc.constant(5e6)),
    );
    const record = fc.record({
      sensor_id: fc
        .oneof(
          fc.string({ minLength: 1, maxLength: 50, unit: 'grapheme' }),
          fc.constantFrom(' ', '"', ',', '=1', "'", '\uFEFFa'),
        )
        .filter(id => /^\P{Cc}{1,50}$/u.test(id) && id.isWellFormed()),
      quantity: storable,
      unit: storable,
      location: fc.option(storable),
      limits: fc.tuple(fc.option(number), fc.option(number)),
      expected_interval: micros,
      max_stuck: micros,
      max_step_per_s: fc.option(fc.double({ min: 5e-324, noNaN: true, noDefaultInfinity: true })),
      attributes: fc.dictionary(storable, fc.oneof(storable, number, fc.boolean(), fc.array(fc.integer()))),
    });
    const registry = () =>
      database.query('SELECT to_jsonb(s) AS row FROM silver.sensor s ORDER BY sensor_id');
    const registries = fc.uniqueArray(record, { selector: one => one.sensor_id, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(registries, async records => {
        await database.query('TRUNCATE silver.sensor');
        for (const { limits, ...row } of records) {
          const [min, max] = [...limits].sort((a, b) => (a === null || b === null ? 0 : a - b));
          await database.query(
            `INSERT INTO silver.sensor VALUES ($1, $2, $3, $4, $5, $6, $7::float8 * INTERVAL '1 microsecond', $8,
               $9::float8 * INTERVAL '1 microsecond', $10)`,
            [
              row.sensor_id,
              row.quantity,
              row.unit,
              row.location,
              min,
              max,
              row.expected_interval,
              row.max_step_per_s,
              row.max_stuck,
              row.attributes,
            ],
          );
        }
        const before = await registry();
        const csv = await exportSensors(client);
        const sensors = parseRegistry(Buffer.from(csv), 'exported');
        expect(await importSensors(client, sensors, { prune: true })).toMatchObject({
          added: 0,
          changed: 0,
          unchanged: records.length,
          pruned: 0,
        });
        await database.query('TRUNCATE silver.sensor');
        expect((await importSensors(client, sensors)).added).toBe(records.length);
        expect(await exportSensors(client)).toBe(csv);
        expect((await registry()).map(({ row }) => ({ ...row, expected_interval: 0, max_stuck: 0 }))).toEqual(
          before.map(({ row }) => ({ ...row, expected_interval: 0, max_stuck: 0 })),
        );
      }),
      { numRuns: 60 },
    );
  }));

test('intervals that were made by hand are exported by their length', () =>
  withRegistry(async (client, database) => {
    await database.query(
      `INSERT INTO silver.sensor (sensor_id, quantity, unit, expected_interval, max_stuck)
       VALUES ('a', 'flow', 'l/s', '1 mon 2 days 03:00:00.5', '1 year')`,
    );
    const csv = await exportSensors(client);
    expect(csv.split('\n')[1]).toBe('a,flow,l/s,,,,2775600500ms,,360d,,');
    expect(await importSensors(client, parseRegistry(Buffer.from(csv), 'exported'))).toMatchObject({
      unchanged: 1,
    });
  }));
