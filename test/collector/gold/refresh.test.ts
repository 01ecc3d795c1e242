import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatTime } from '../../../base/time.ts';
import { refreshStaleMinutes } from '../../../collector/gold/refresh.ts';
import type { Registry } from '../../../collector/silver/registry.ts';
import { storeStaged } from '../../../collector/silver/staged-store.ts';
import { databaseServers, newDatabase, type TestDatabase } from '../../harness/database.ts';
import { interleave, linesOf, loaderConnection, register } from '../../harness/lines.ts';

const MINUTE = Date.UTC(2025, 10, 12, 10, 15) * 1000;
let file = 0;

interface Reading {
  id: string;
  /** Microseconds since 1970. */
  time: number;
  value: number;
}
const at = (second: number, value: number, id = 'a'): Reading => ({ id, time: MINUTE + second * 1e6, value });

describe.each(databaseServers())('on $name', server => {
  let database: TestDatabase;
  let registry: Registry;

  beforeAll(async () => {
    database = await newDatabase({ server });
    await using connection = await loaderConnection(database);
    await register(connection.client, ['bound'], 0, 45);
    registry = await register(connection.client, ['a', 'b', 'c']);
  });
  afterAll(() => database.drop());
  const clear = () =>
    database.query(
      `TRUNCATE bronze.raw_file, bronze.decoded_with, bronze.outlet_file, silver.rejected_line, silver.conflicting_reading, silver.sensor_reading, silver.seen_sensor,
         silver.duplicate_minute, gold.reading_1min_mean, gold.hourly_mean, gold.daily_mean, gold.data_quality_1min,
         gold.data_quality_hourly, gold.data_quality_daily, sluice.quality_watermark, sluice.stale_minute`,
    );
  beforeEach(clear);

  /** A batch of a new file. */
  const batchOf = (readings: readonly Reading[]) =>
    linesOf(
      `file ${++file}`,
      readings.map(({ id, time, value }) => JSON.stringify({ id, dt: formatTime(time), value })),
      registry,
    );
  const load = async (...readings: Reading[]) => {
    await using connection = await loaderConnection(database);
    await storeStaged(connection.client, 'c', batchOf(readings), new Map());
  };
  const refresh = async () => {
    await using connection = await loaderConnection(database);
    return await refreshStaleMinutes(connection.client);
  };
  const gold = () =>
    database.query(
      'SELECT bucket, sensor_id, val_mean, val_min, val_max, n::int FROM gold.reading_1min_mean ORDER BY sensor_id, bucket',
    );
  const recomputed = () =>
    database.query(
      `SELECT date_trunc('minute', time) AS bucket, sensor_id, avg(value ORDER BY time) AS val_mean, min(value) AS val_min,
         max(value) AS val_max, count(*)::int AS n
       FROM silver.sensor_reading WHERE quality = 'valid' GROUP BY 1, 2 ORDER BY 2, 1`,
    );

  test('the minutes that were touched are recomputed, each from all of its readings', async () => {
    await load(at(0, 1), at(59.999999, 4), at(60, 10), at(1, 7, 'b'));
    expect(await refresh()).toBe(3);
    expect(await refresh()).toBe(0);
    await load(at(30, 1));
    expect(await refresh()).toBe(1);
    const row = { bucket: new Date(MINUTE / 1000), sensor_id: 'a' };
    expect(await gold()).toEqual([
      { ...row, val_mean: 2, val_min: 1, val_max: 4, n: 3 },
      { ...row, bucket: new Date(MINUTE / 1000 + 60_000), val_mean: 10, val_min: 10, val_max: 10, n: 1 },
      { ...row, sensor_id: 'b', val_mean: 7, val_min: 7, val_max: 7, n: 1 },
    ]);
  });

  test('what is out of range or of an unknown sensor is not in the mean', async () => {
    await load(at(1, 20, 'bound'), at(2, 1000, 'bound'), at(3, -1, 'bound'), at(4, 5, 'unknown'));
    await refresh();
    expect(await gold()).toMatchObject([
      { sensor_id: 'bound', val_mean: 20, val_min: 20, val_max: 20, n: 1 },
    ]);
  });

  test('a minute that has lost its last valid reading vanishes', async () => {
    await load(at(1, 20), at(61, 20));
    await refresh();
    await database.query(`UPDATE silver.sensor_reading SET quality = 'out_of_range' WHERE time < $1`, [
      new Date(MINUTE / 1000 + 60_000),
    ]);
    await database.query('INSERT INTO sluice.stale_minute VALUES ($1, $2)', [new Date(MINUTE / 1000), 'a']);
    expect(await refresh()).toBe(1);
    expect(await gold()).toMatchObject([{ bucket: new Date(MINUTE / 1000 + 60_000), n: 1 }]);
  });

  test('a second refresh at the same time does nothing', async () => {
    await load(at(1, 20));
    await using connection = await loaderConnection(database);
    const others: (number | undefined)[] = [];
    const first = interleave(connection.client, async sql => {
      if (sql.includes('reading_1min_mean')) others.push(await refresh());
    });
    expect(await refreshStaleMinutes(first)).toBe(1);
    expect(new Set(others)).toEqual(new Set([undefined]));
    expect(await refresh()).toBe(0);
  });

  test('a refresh that fails leaves the minutes stale', async () => {
    await load(at(1, 20));
    await using connection = await loaderConnection(database);
    const failing = interleave(connection.client, sql => {
      if (sql === 'COMMIT') throw new Error('no');
    });
    await expect(refreshStaleMinutes(failing)).rejects.toThrow('no');
    expect(await gold()).toEqual([]);
    expect(await refresh()).toBe(1);
  });

  describe('a load during a refresh', () => {
    // Whether a load begins or commits before, between or after any two statements of a refresh: no minute stays wrong.
    test('that begins and commits between two statements is not lost', async () => {
      let statements = 1;
      for (let when = 0; when < statements; when++) {
        await clear();
        await load(at(1, 20));
        await using connection = await loaderConnection(database);
        let statement = 0;
        const refresher = interleave(connection.client, async () => {
          if (statement++ === when) await load(at(2, 30));
        });
        await refreshStaleMinutes(refresher);
        statements = statement;
        await refresh();
        expect(await gold(), `a load before statement ${when}`).toEqual(await recomputed());
        expect(await gold()).toMatchObject([{ val_mean: 25, n: 2 }]);
      }
      expect(statements).toBeGreaterThan(4);
    });

    test('that began before it and commits between two statements is not lost', async () => {
      let statements = 1;
      for (let when = 0; when < statements; when++) {
        await clear();
        await load(at(1, 20));
        await using loading = await loaderConnection(database);
        await using refreshing = await loaderConnection(database);
        const { promise: stored, resolve: tellStored } = Promise.withResolvers<void>();
        const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
        const loader = interleave(loading.client, async sql => {
          if (sql !== 'COMMIT') return;
          tellStored();
          await allowed;
        });
        const load2 = storeStaged(loader, 'c', batchOf([at(2, 30)]), new Map());
        await stored;
        let statement = 0;
        const refresher = interleave(refreshing.client, async () => {
          if (statement++ !== when) return;
          allow();
          await load2;
        });
        await refreshStaleMinutes(refresher);
        statements = statement;
        await refresh();
        expect(await gold(), `a COMMIT before statement ${when}`).toMatchObject([{ val_mean: 25, n: 2 }]);
        expect(await database.query('TABLE sluice.stale_minute')).toEqual([]);
      }
    });
  });

  test('values that are too large for avg() have a mean all the same, and do not stop those of the others', async () => {
    const largest = 1.7976931348623157e308;
    await load(
      at(1, 1e200),
      at(2, 0),
      at(3, -4e200),
      at(1, 20, 'b'),
      at(1, largest, 'c'),
      at(2, largest, 'c'),
    );
    await refresh();
    expect(await gold()).toMatchObject([
      { sensor_id: 'a', val_mean: -1e200, val_min: -4e200, val_max: 1e200, n: 3 },
      { sensor_id: 'b', val_mean: 20 },
      { sensor_id: 'c', val_mean: largest, n: 2 },
    ]);
  });

  test('a value that is too large and not valid is nothing to the mean', async () => {
    await load(at(1, 20, 'bound'), at(2, 1e200, 'bound'), at(3, 1e200, 'unknown'));
    await refresh();
    expect(await gold()).toMatchObject([{ sensor_id: 'bound', val_mean: 20, n: 1 }]);
  });

  test('the means are those of a plain computation to the last bit, whatever the order of arrival', async () => {
    const reading = fc.record({
      id: fc.constantFrom('a', 'b'),
      // Few instants, so that minutes are full.
      time: fc.integer({ min: 0, max: 90_000_000 }).map(micros => MINUTE + micros - (micros % 250_001)),
      value: fc.oneof(
        { weight: 20, arbitrary: fc.integer({ min: -4500, max: 4500 }).map(n => n / 100) },
        { weight: 5, arbitrary: fc.constantFrom(0.1, 0.2, 0.3, 1e6, -1e6, 5e-324) },
        { weight: 1, arbitrary: fc.double({ min: -1e150, max: 1e150, noNaN: true }) },
      ),
    });
    const arrivals = fc.array(reading, { minLength: 30, maxLength: 200, size: 'max' }).chain(readings =>
      fc.tuple(
        // What is sent twice says the same: which of two different values is first depends on the order.
        fc.constant(
          readings.filter((r, i) => readings.findIndex(o => o.id === r.id && o.time === r.time) === i),
        ),
        fc.array(fc.nat(), { minLength: readings.length * 2, maxLength: readings.length * 2 }),
        fc.array(fc.record({ size: fc.integer({ min: 1, max: 60 }), refreshed: fc.boolean() }), {
          minLength: 1,
          maxLength: 6,
        }),
      ),
    );
    await using connection = await loaderConnection(database);
    // Nor may it depend on the plan: read as they lie in the table, rows come in the order of arrival.
    await connection.client.query('SET enable_indexscan = off; SET enable_bitmapscan = off');
    await fc.assert(
      fc.asyncProperty(arrivals, async ([readings, keys, batches]) => {
        await clear();
        const sent = [...readings, ...readings.filter((_, index) => keys[index]! % 3 === 0)]
          .map((reading, index) => ({ reading, key: keys[index]! }))
          .sort((one, other) => one.key - other.key)
          .map(({ reading }) => reading);
        for (let from = 0, n = 0; from < sent.length; n++) {
          const { size, refreshed } = batches[n % batches.length]!;
          await storeStaged(connection.client, 'c', batchOf(sent.slice(from, from + size)), new Map());
          if (refreshed) await refreshStaleMinutes(connection.client);
          from += size;
        }
        await refreshStaleMinutes(connection.client);
        expect(await gold()).toEqual(meansOf(readings));
      }),
      { numRuns: 25 },
    );
  });
});

/** The means, by hand: the values of a minute added up in the order of time, divided by how many they are. */
function meansOf(readings: readonly Reading[]) {
  const minutes = new Map<string, { id: string; bucket: number; values: number[] }>();
  for (const { id, time, value } of readings.toSorted((one, other) => one.time - other.time)) {
    const bucket = Math.floor(time / 60e6) * 60_000;
    const key = `${id} ${bucket}`;
    if (!minutes.has(key)) minutes.set(key, { id, bucket, values: [] });
    minutes.get(key)!.values.push(value);
  }
  return [...minutes.values()]
    .sort((one, other) => one.id.localeCompare(other.id) || one.bucket - other.bucket)
    .map(({ id, bucket, values }) => ({
      bucket: new Date(bucket),
      sensor_id: id,
      // `+ 0` as PostgreSQL begins at 0, and has no -0 there.
      val_mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      val_min: Math.min(...values) + 0,
      val_max: Math.max(...values) + 0,
      n: values.length,
    }));
}
