import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reading } from '../../../commands/verify/pipeline.ts';
import { type SeaweedFs, startSeaweedFs, withoutSeaweedFs } from '../../../harness/seaweedfs.ts';
import { textOf } from '../house.ts';
import { type Storehouse, withStorehouse } from './storehouse.ts';

const OLD = '2025-11-03_Sensor_1.jsonl';
const BEFORE = '2025-11-05';
const old = (second: number) => reading('Sensor 1', `2025-11-03T10:15:${second + 10}Z`, second);
const young = reading('Sensor 1', '2025-11-10T10:15:01Z', 20);

/** The text of an object. */
async function objectText(storehouse: Storehouse, key: string): Promise<string> {
  using store = await storehouse.open();
  const head = await store.head(key);
  if (head === undefined) throw new Error(`no object ${key}`);
  const bytes = await buffer(store.read(key, head));
  return (key.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

describe.skipIf(withoutSeaweedFs)('the archive', () => {
  let server: SeaweedFs;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test('has the compressed files, as they are; the ledger says where, and with which checksum', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await house.record(old(1), old(2), young);
      await house.load();
      await house.compress(BEFORE);
      const { counts, failure } = await storehouse.archive();
      expect({ counts, failure }).toMatchObject({
        counts: { files: 1, waitingFiles: 0 },
        failure: undefined,
      });
      const { collector, raw } = house.pipeline;
      const key = `date=2025-11-03/collector=${collector}/${OLD}.gz`;
      expect(await storehouse.keys()).toEqual([key]);
      using store = await storehouse.open();
      const head = (await store.head(key))!;
      expect((await buffer(store.read(key, head))).equals(await readFile(join(raw, `${OLD}.gz`)))).toBe(true);
      const bytes = (await textOf(raw, OLD)).length;
      expect(await storehouse.copies()).toEqual(
        new Map([[OLD, { key, bytes, of: bytes, checksum: head.checksum }]]),
      );
      // Nothing waits any more.
      expect((await storehouse.archive()).counts).toMatchObject({ files: 0, waitingFiles: 0 });
    });
  });

  test('a late reading that reopens a day: the object is replaced by its extension, with its marks', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await house.record(young, old(1));
      await house.load();
      await house.compress(BEFORE);
      await storehouse.archive();
      const [key] = (await storehouse.keys()).filter(key => key.endsWith('.gz'));
      const before = await objectText(storehouse, key!);
      await house.record(old(2));
      await house.load();
      // It is plain again.
      expect((await storehouse.archive()).counts).toMatchObject({ files: 0, waitingFiles: 0 });
      await house.compress(BEFORE);
      expect((await storehouse.archive()).counts).toMatchObject({ files: 1 });
      const after = await objectText(storehouse, key!);
      expect(after).toBe(`${before}${old(2)}\n`);
      const marks = key!.replace('.jsonl.gz', '.late');
      expect(await storehouse.keys()).toEqual([key, marks]);
      expect(await objectText(storehouse, marks)).toBe(
        await readFile(join(house.pipeline.raw, '2025-11-03_Sensor_1.late'), 'utf8'),
      );
    });
  });

  test('lines for a file that was forgotten become a part of their own, and no part is ever written over', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await house.record(young);
      const lateOf = (second: number) =>
        reading('Sensor 1', `2025-11-03T10:15:${second + 10}Z`, second, { note: 'x'.repeat(second) });
      for (const second of [1, 2, 3]) {
        await house.record(lateOf(second));
        await house.load();
        await house.compress(BEFORE);
        await storehouse.archive();
        expect(await storehouse.remove(BEFORE)).toBe(1);
      }
      const keys = (await storehouse.keys()).filter(key => key.endsWith('.gz'));
      expect(keys.map(key => key.split('/').pop())).toEqual([
        '2025-11-03_Sensor_1.2.jsonl.gz',
        '2025-11-03_Sensor_1.3.jsonl.gz',
        '2025-11-03_Sensor_1.jsonl.gz',
      ]);
      const texts = await Promise.all(keys.map(key => objectText(storehouse, key)));
      expect(texts).toEqual([2, 3, 1].map(second => `${lateOf(second)}\n`));
      expect([...(await storehouse.copies()).values()].map(({ key }) => key).sort()).toEqual(keys);
    });
  });

  test('a file is only removed when the archive has all of it, and has it still', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await house.record(old(1), young);
      await house.load();
      await house.compress(BEFORE);
      expect(await storehouse.remove(BEFORE)).toBe(0);
      await storehouse.archive();
      // One line more than the object has.
      await house.record(old(2));
      await house.load();
      expect(await storehouse.remove(BEFORE)).toBe(0);
      await house.compress(BEFORE);
      await storehouse.archive();
      {
        using store = await storehouse.open();
        for (const key of await storehouse.keys()) await store.delete(key);
      }
      expect(await storehouse.remove(BEFORE)).toBe(0);
      // So it is copied again.
      expect((await storehouse.archive()).counts).toMatchObject({ files: 1 });
      expect(await storehouse.remove(BEFORE)).toBe(1);
      expect((await house.names()).some(name => name.startsWith('2025-11-03'))).toBe(false);
    });
  });

  test('a file stays whose marks for late lines are gone or changed in the archive; gone ones are copied again', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await house.record(young, old(1));
      await house.load();
      await house.compress(BEFORE);
      await storehouse.archive();
      const marks = await storehouse.deleteMarks();
      expect(await storehouse.remove(BEFORE)).toBe(0);
      expect((await storehouse.archive()).counts).toMatchObject({ files: 1 });
      expect(await storehouse.keys()).toContain(marks);
      // Emptied, they are extended again.
      await storehouse.overwrite(marks, Buffer.alloc(0), {});
      expect(await storehouse.remove(BEFORE)).toBe(0);
      expect((await storehouse.archive()).counts).toMatchObject({ files: 1 });
      await storehouse.overwrite(marks, Buffer.from('others\n'), {});
      expect(await storehouse.remove(BEFORE)).toBe(0);
      expect((await storehouse.archive()).reason).toContain('other marks for late lines');
      expect(await house.names()).toContain(`${OLD}.gz`);
      await storehouse.deleteMarks();
      await storehouse.archive();
      expect(await storehouse.remove(BEFORE)).toBe(1);
    });
  });

  test('an object that was written over with its own bytes, and says nothing of itself, is written again', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await house.record(old(1));
      await house.load();
      await house.compress(BEFORE);
      await storehouse.archive();
      using store = await storehouse.open();
      const [key] = await storehouse.keys();
      const head = (await store.head(key!))!;
      await storehouse.overwrite(key!, await store.bytes(key!, head), {});
      expect(await storehouse.remove(BEFORE)).toBe(0);
      await storehouse.archive();
      expect((await store.head(key!))!.metadata).toEqual(head.metadata);
      expect(await storehouse.remove(BEFORE)).toBe(1);
    });
  });

  test('a copy whose note was lost is noted, and not made again', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await house.record(old(1));
      await house.load();
      await house.compress(BEFORE);
      await storehouse.archive();
      const copies = await storehouse.copies();
      await house.pipeline.database.query(
        `UPDATE bronze.raw_file SET archived_at = NULL, archived_bytes = NULL, archive_key = NULL, archive_sha256 = NULL,
           archive_checksum = NULL`,
      );
      using store = await storehouse.open();
      const { etag } = (await store.head((await storehouse.keys())[0]!))!;
      await storehouse.archive();
      expect(await storehouse.copies()).toEqual(copies);
      expect((await store.head((await storehouse.keys())[0]!))!.etag).toBe(etag);
    });
  });

  test('where raw files are never compressed, those of days that are over are copied all the same', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await house.record(old(1));
      await house.load();
      await storehouse.archive({ RAW_COMPRESS_AFTER_DAYS: '0' });
      expect(await house.names()).toEqual([OLD]);
      expect(await objectText(storehouse, (await storehouse.keys())[0]!)).toBe(`${old(1)}\n`);
    });
  });

  test('has the rejected messages of days that are over, and only then they go', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      const { dataDir, collector, database } = house.pipeline;
      const line =
        '{"received_at":"2025-11-03T10:15:11.000Z","topic":"a","reason":"not JSON","payload":"x"}\n';
      const path = join(dataDir, 'rejected/2025-11-03.jsonl');
      await writeFile(path, line);
      expect(await storehouse.remove(BEFORE)).toBe(0);
      expect(await readFile(path, 'utf8')).toBe(line);
      await database.query(
        `INSERT INTO bronze.rejected_file (collector, day, bytes) VALUES ($1, '2025-11-03', $2)`,
        [collector, line.length],
      );
      await storehouse.archive();
      const key = `date=2025-11-03/collector=${collector}/2025-11-03.jsonl.gz`;
      expect(await objectText(storehouse, key)).toBe(line);
      await storehouse.remove(BEFORE);
      await expect(readFile(path)).rejects.toThrow('ENOENT');
    });
  });
});
