import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pipeline } from '../commands/verify/pipeline.ts';
import { askDuckDb, withoutDuckDb } from '../harness/lake-engines.ts';
import { type SeaweedFs, startSeaweedFs, withoutSeaweedFs } from '../harness/seaweedfs.ts';
import type { Lakehouse } from './lakehouse.ts';
import { changeEverything, DAY, expectOddities, withOddities } from './oddities.ts';

const EQUAL = { differences: [], missing: [], ok: true };

/** A signal that is aborted when it was asked so often. */
function abortedAfter(asked: number): AbortSignal {
  const controller = new AbortController();
  const { signal } = controller;
  let left = asked;
  signal.throwIfAborted = () => {
    if (left-- === 0) throw new Error('killed');
  };
  return signal;
}

/** The objects of the lake, with what changes when they are written. */
async function etags(house: Lakehouse): Promise<Map<string, string>> {
  using store = await house.open();
  const found = new Map<string, string>();
  for await (const { key } of store.list('lake/')) found.set(key, (await store.head(key))!.etag);
  return found;
}

describe.skipIf(withoutDuckDb || withoutSeaweedFs)('a lake in DuckDB', () => {
  let server: SeaweedFs;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const withBoth = (use: (house: Lakehouse, first: Pipeline, second: Pipeline) => Promise<void>) =>
    withOddities(server, use);

  test('says what PostgreSQL says to the last bit, with every oddity', async () => {
    await withBoth(async (house, first, second) => {
      await expectOddities(house.database);
      expect((await house.write(first)).refused).toEqual([]);
      await house.write(second);
      expect(await house.byDuckDb()).toMatchObject({ ...EQUAL, days: 3 });
    });
  });

  test('takes what changed, and nothing else: late readings, another topics file, another registry', async () => {
    await withBoth(async (house, first, second) => {
      for (const collector of [first, second]) await house.write(collector);
      expect(await house.byDuckDb()).toMatchObject(EQUAL);
      expect(await house.write(first)).toMatchObject({ files: 0, days: [] });

      await changeEverything(house, first, second);
      // The longer file, those of the topic, and the one of the new day.
      expect((await house.write(first)).files).toBe(4);
      expect((await house.write(second)).files).toBe(1);
      const verdict = await house.byDuckDb();
      expect(verdict).toMatchObject(EQUAL);
      const sensors = await askDuckDb<{ sensor_id: string }>(
        house.lake,
        "SELECT DISTINCT sensor_id FROM silver.sensor_reading WHERE sensor_id LIKE '1/%' ORDER BY 1",
      );
      expect(sensors).toEqual([{ sensor_id: '1/volt' }]);
    });
  });

  test('what PostgreSQL lost or holds otherwise is named by day and table', async () => {
    await withBoth(async (house, first, second) => {
      for (const collector of [first, second]) await house.write(collector);
      await house.byDuckDb();
      const { database, checks } = house;
      await database.query(
        "DELETE FROM silver.sensor_reading WHERE sensor_id = 'Sensor 1' AND time = '2025-11-12T10:00:07Z'",
      );
      await database.query(
        "UPDATE gold.hourly_mean SET val_mean = val_mean + 1e-12 WHERE sensor_id = 'Sensor 5'",
      );
      const { ok, differences } = await house.verify(checks);
      expect(ok).toBe(false);
      expect(differences.map(({ day, table }) => `${day} ${table}`)).toEqual([
        '2025-11-12 silver.sensor_reading',
        '2025-11-12 gold.hourly_mean',
      ]);
    });
  });

  test('killed at any file or day, it goes on; a note that was lost costs no upload', async () => {
    await withBoth(async (house, first, second) => {
      await house.write(second);
      let kills = 0;
      for (; kills < 100; kills++) {
        const failure = await house.write(first, abortedAfter(kills % 3)).then(
          () => undefined,
          (error: Error) => error.message,
        );
        if (failure === undefined) break;
        expect(failure).toBe('killed');
      }
      expect(kills).toBeGreaterThan(5);
      expect(await house.byDuckDb()).toMatchObject(EQUAL);
      const before = await etags(house);
      await house.database.query('DELETE FROM bronze.lake_file');
      await house.database.query('UPDATE bronze.lake_day SET made_of = NULL');
      await house.database.query(
        "UPDATE bronze.lake_day SET held_until = now() + INTERVAL '1 minute' WHERE day = $1",
        [DAY],
      );
      expect(await house.write(first)).toMatchObject({ held: [DAY], days: ['2025-11-11', '2025-11-13'] });
      await house.database.query("UPDATE bronze.lake_day SET held_until = now() - INTERVAL '1 minute'");
      expect(await house.write(second)).toMatchObject({ held: [], days: [DAY] });
      expect(await etags(house)).toEqual(before);
    });
  });

  test('files that are in the archive only are decoded from there', async () => {
    await withBoth(async (house, first, second) => {
      for (const collector of [first, second]) await house.archive(collector);
      for (const { raw } of [first, second]) for (const name of await readdir(raw)) await rm(join(raw, name));
      for (const collector of [first, second])
        expect(await house.write(collector)).toMatchObject({ refused: [] });
      expect(await house.byDuckDb()).toMatchObject(EQUAL);
    });
  });

  test('an object that was changed in the archive is refused by name, and holds up no other', async () => {
    await withBoth(async (house, first, second) => {
      await house.archive(first);
      for (const name of await readdir(first.raw)) await rm(join(first.raw, name));
      using store = await house.open();
      const key = `date=2025-11-12/collector=${first.collector}/2025-11-12_Sensor_2.jsonl.gz`;
      await store.writeBytes(key, Buffer.from('other'), { ifMatch: (await store.head(key))!.etag });
      const { files, refused } = await house.write(first);
      expect(files).toBeGreaterThan(5);
      expect(refused).toEqual([expect.stringContaining('2025-11-12_Sensor_2.jsonl.gz')]);
      await house.write(second);
      expect((await house.byDuckDb()).ok).toBe(false);
    });
  });

  test('a collector with LAKE=on writes by itself', async () => {
    await withBoth(async (house, first) => {
      await house.archive(first);
      const job = house.job(first);
      await job.run();
      expect(job.failure).toBeUndefined();
      await job.stop();
      const [{ n } = { n: 0 }] = await house.database.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM bronze.lake_file',
      );
      expect(n).toBeGreaterThan(5);
    });
  });

  test('a day is exported as Parquet, sorted by sensor and time, with every bit', async () => {
    await withBoth(async (house, first) => {
      const out = join(house.folder, 'days');
      const { code, stderr } = await first.sluice(['lake', 'export', '--date', DAY, '--out', out]);
      expect(code, stderr).toBe(0);
      const read = `read_parquet('${out}/date=${DAY}/sensor_reading.parquet', file_row_number = true)`;
      const bits = 'CAST(CAST(value AS BIT) AS BIGINT)';
      const [lake] = await askDuckDb(
        ':memory:',
        `SELECT CAST(count(*) AS INT) AS n, CAST(bit_xor(${bits}) AS VARCHAR) AS bits, CAST(sum(epoch_us(time)) AS VARCHAR) AS times,
           (SELECT bool_and(place = file_row_number) FROM (
             SELECT file_row_number, row_number() OVER (ORDER BY sensor_id, time) - 1 AS place FROM ${read}
           )) AS sorted
         FROM ${read}`,
      );
      const [postgresql] = await house.database.query(
        `SELECT count(*)::int AS n, bit_xor(('x' || encode(float8send(value), 'hex'))::bit(64)::bigint)::text AS bits,
           sum((extract(epoch FROM time) * 1000000)::bigint)::text AS times, true AS sorted
         FROM silver.sensor_reading WHERE time >= '${DAY}T00:00:00Z' AND time < '2025-11-13T00:00:00Z'`,
      );
      expect(lake).toEqual(postgresql);
    });
  });

  test('an archive without a lake is told so, and what to do', async () => {
    await withBoth(async (house, first) => {
      await house.archive(first);
      await expect(house.byDuckDb()).rejects.toThrow('`sluice lake write` writes it');
    });
  });
});
