import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Storehouse, withStorehouse } from '../../collector/retention/archive/storehouse.ts';
import type { House } from '../../collector/retention/house.ts';
import { withDatabase } from '../../harness/database.ts';
import { type SeaweedFs, startSeaweedFs, withoutSeaweedFs } from '../../harness/seaweedfs.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { Pipeline, reading } from '../verify/pipeline.ts';

const BEFORE = '2025-11-12';
const first = (second: number, more = {}) =>
  reading('Sensor 1', `2025-11-03T10:15:${second + 10}Z`, second, more);
const second = (minute: number, value: unknown) =>
  reading('Sensor 2', `2025-11-04T10:${minute + 10}:00.123456Z`, value);
const REJECTED = '{"received_at":"2025-11-04T10:15:11.000Z","topic":"a","reason":"not JSON","payload":"x"}\n';

/** Days with everything that can happen to them, all in the archive, one of them in two parts. */
async function fill(storehouse: Storehouse, house: House): Promise<void> {
  const { dataDir, collector, database } = house.pipeline;
  // What comes after it for earlier days is late, as marks say.
  await house.record(reading('Sensor 1', '2025-11-10T10:15:00Z', 1));
  await house.record(first(1), first(2), first(2), first(1, { value: 7 }));
  await house.record(second(1, 20), second(9, 21), second(2, 22), second(3, 'no number'), second(4, 1e9));
  await house.load();
  await house.compress(BEFORE);
  await storehouse.archive();
  expect(await storehouse.remove('2025-11-04')).toBe(1);
  await house.record(first(3, { note: 'late' }), first(2, { note: 'known' }));
  await house.load();
  await house.compress(BEFORE);
  await writeFile(join(dataDir, 'rejected/2025-11-04.jsonl'), REJECTED);
  await database.query(
    `INSERT INTO bronze.rejected_file (collector, day, bytes) VALUES ($1, '2025-11-04', ${REJECTED.length})`,
    [collector],
  );
  await database.query(
    `INSERT INTO silver.rejected_message (collector, day, topic, reason, count, last_at, last_example)
     VALUES ($1, '2025-11-04', 'a', 'not JSON', 1, '2025-11-04T10:15:11Z', 'x')`,
    [collector],
  );
  await storehouse.archive();
  expect((await storehouse.keys()).length).toBe(7);
}

/**
 * Silver and gold of the days of the archive: of today gold says how many readings are missing, which are more with each minute. A
 * file that was forgotten has another name in the ledger than one that is loaded anew; which line it is stays.
 */
async function contentOf(pipeline: Pipeline): Promise<Record<string, unknown[]>> {
  const { 'bronze.raw_file': _, ...content } = await pipeline.dump();
  const tables = await pipeline.database.query<{ name: string }>(
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'gold'",
  );
  for (const table of ['silver.rejected_message', ...tables.map(({ name }) => name)]) {
    const rows = await pipeline.database.query<{ row: unknown }>(
      `SELECT row FROM (SELECT to_jsonb(t) AS row FROM ${table} t) t
       WHERE coalesce(row ->> 'bucket', '') < '2025-12-01' ORDER BY row`,
    );
    content[table] = rows.map(({ row }) => row);
  }
  return JSON.parse(JSON.stringify(content).replaceAll(/ \(removed [^)]*\)/g, ''));
}

describe.skipIf(withoutSeaweedFs)('replay from the archive', () => {
  let server: SeaweedFs;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  /** A new database and an empty data folder, and the archive of a house. */
  const elsewhere = async (
    storehouse: Storehouse,
    use: (pipeline: Pipeline, env: Record<string, string>) => Promise<void>,
  ) => {
    await using folder = await temporaryFolder();
    await withDatabase(async database => {
      await mkdir(join(folder.path, 'data/raw'), { recursive: true });
      const pipeline = new Pipeline(folder.path, '', database);
      await use(pipeline, { ...pipeline.env, ...storehouse.settings });
    });
  };

  test('without database and data folder silver and gold come back equal; done again it changes nothing', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await fill(storehouse, house);
      const before = await contentOf(house.pipeline);
      await elsewhere(storehouse, async pipeline => {
        const replay = () => storehouse.sluice(pipeline, ['replay', '--from-archive']);
        const { code, stdout, stderr } = await replay();
        expect(`${stdout}${stderr}`).toContain('4 files');
        expect(code).toBe(0);
        expect(await contentOf(pipeline)).toEqual(before);
        const ledger = await pipeline.dump();
        expect((await replay()).code).toBe(0);
        const again = await pipeline.dump();
        expect(again).toEqual(ledger);
        // Collector and files are in the archive only.
        const verified = await storehouse.sluice(pipeline, ['verify', '--archive', '--deep']);
        expect(`${verified.stdout}${verified.stderr}`).toContain('5 objects');
        expect(verified.code).toBe(0);
        // Nothing is left of the files.
        expect((await readdir(pipeline.dataDir)).sort()).toEqual(['collector_id', 'raw']);
        expect(await readdir(pipeline.raw)).toEqual([]);
      });
    });
  });

  test('a date, a place in the archive, a dry run', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await fill(storehouse, house);
      await elsewhere(storehouse, async pipeline => {
        const count = async () =>
          (await pipeline.database.query('SELECT count(*)::int AS n FROM silver.sensor_reading'))[0].n;
        const run = async (...args: string[]) => {
          const { code, stdout, stderr } = await storehouse.sluice(pipeline, ['replay', ...args]);
          expect(code, stderr).toBe(0);
          return stdout;
        };
        const url = storehouse.settings.ARCHIVE_URL;
        expect(await run('--from-archive', '--dry-run')).toMatch(/4 files +12 +8 +2 +1 +1/);
        expect(await count()).toBe(0);
        await run('--from-archive', '--date', '2025-11-03');
        expect(await count()).toBe(3);
        await run(`${url}/date=2025-11-04/`);
        expect(await count()).toBe(7);
      });
    });
  });

  test('what the ledger knows is loaded where silver lacks it, whatever became of the file', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await fill(storehouse, house);
      const before = await house.pipeline.dump();
      await house.pipeline.database.query('DELETE FROM silver.sensor_reading');
      const { code, stderr } = await storehouse.sluice(house.pipeline, ['replay', '--from-archive']);
      expect(code, stderr).toBe(0);
      expect(await house.pipeline.dump()).toEqual(before);
    });
  });

  test('an object that is not what was written is left out, and said', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await fill(storehouse, house);
      const bad = (await storehouse.keys()).find(key => key.includes('Sensor_2'))!;
      {
        using store = await storehouse.open();
        const { metadata } = (await store.head(bad))!;
        await storehouse.overwrite(bad, Buffer.from('something else'), { ...metadata });
      }
      await elsewhere(storehouse, async pipeline => {
        const { code, stdout } = await storehouse.sluice(pipeline, ['replay', '--from-archive']);
        expect(code).toBe(1);
        expect(stdout).toContain('3 files');
        expect(stdout).toContain('nothing of it is loaded');
      });
    });
  });

  test('an object that says nothing of itself, or breaks off as it was written, is refused, and nothing of it is loaded', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await fill(storehouse, house);
      const keys = await storehouse.keys();
      const foreign = keys.find(key => key.includes('Sensor_2'))!;
      const torn = keys.find(key => key.endsWith('2025-11-03_Sensor_1.jsonl.gz'))!;
      const rejected = keys.find(key => key.endsWith('/2025-11-04.jsonl.gz'))!;
      {
        using store = await storehouse.open();
        const bytes = async (key: string) => store.bytes(key, (await store.head(key))!);
        const sha256 = (of: Buffer) => createHash('sha256').update(of).digest('hex');
        const { metadata } = (await store.head(torn))!;
        const half = (await bytes(torn)).subarray(0, -9);
        await storehouse.overwrite(torn, half, { ...metadata, 'sluice-sha256': sha256(half) });
        await storehouse.overwrite(foreign, gzipSync(`${second(1, 99)}\n`), {});
        await storehouse.overwrite(rejected, await bytes(rejected), {});
      }
      await elsewhere(storehouse, async pipeline => {
        const { code, stdout } = await storehouse.sluice(pipeline, ['replay', '--from-archive']);
        expect(stdout).toMatch(/Sensor_2.* lacks the metadata sluice-sha256.*; nothing of it is loaded/);
        expect(stdout).toMatch(/2025-11-04\.jsonl\.gz lacks the metadata/);
        expect(stdout).toMatch(
          /2025-11-03_Sensor_1\.jsonl\.gz cannot be read as gzip.*; nothing of it is loaded/,
        );
        expect(stdout).toContain('2 files');
        expect(code).toBe(1);
        const files = await pipeline.database.query('SELECT archive_key FROM bronze.raw_file ORDER BY 1');
        expect(files).toEqual(
          keys
            .filter(key => key.endsWith('.gz') && ![foreign, torn, rejected].includes(key))
            .sort()
            .map(archive_key => ({ archive_key })),
        );
        expect(await pipeline.database.query('SELECT FROM silver.rejected_message')).toEqual([]);
      });
    });
  });

  test.each([
    [['--date', '2025-11-03'], '--date and --collector are for --from-archive'],
    [['--from-archive', 'x.jsonl'], '--from-archive takes no files'],
    [['s3://bucket/a', 'x.jsonl'], 'either files and folders'],
    [['--from-archive'], 'needs ARCHIVE_URL'],
  ])('replay %s is refused', async (args, said) => {
    await using folder = await temporaryFolder();
    const pipeline = new Pipeline(folder.path, '', { url: 'postgres://127.0.0.1:1/x' } as never);
    const { code, stderr } = await pipeline.sluice(['replay', ...args]);
    expect(stderr).toContain(said);
    expect(code).toBe(2);
  });
});
