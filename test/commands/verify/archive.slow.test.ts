import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Storehouse, withStorehouse } from '../../collector/retention/archive/storehouse.ts';
import type { House } from '../../collector/retention/house.ts';
import { type SeaweedFs, startSeaweedFs, withoutSeaweedFs } from '../../harness/seaweedfs.ts';
import { freePort } from '../../harness/server.ts';
import { reading } from './pipeline.ts';

const BEFORE = '2025-11-05';
const NAME = '2025-11-03_Sensor_1.jsonl';
const line = (sensor: number) => reading(`Sensor ${sensor}`, '2025-11-03T10:15:11Z', 20);

describe.skipIf(withoutSeaweedFs)('verify --archive', () => {
  let server: SeaweedFs;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const withArchive = (use: (storehouse: Storehouse, house: House) => Promise<void>) =>
    withStorehouse(server, async (storehouse, house) => {
      await house.record(line(1), line(2));
      await house.load();
      await house.compress(BEFORE);
      await storehouse.archive();
      await use(storehouse, house);
    });

  const verify = async (storehouse: Storehouse, house: House, ...more: string[]) => {
    const { code, stdout, stderr } = await storehouse.sluice(house.pipeline, [
      'verify',
      '--archive',
      ...more,
    ]);
    return { code, said: `${stdout}${stderr}` };
  };

  test('is content with what is there, also where the files are removed, whatever the settings say now', async () => {
    await withArchive(async (storehouse, house) => {
      await house.record(line(3));
      await house.load();
      expect(await verify(storehouse, house)).toMatchObject({ code: 0 });
      expect(await storehouse.remove(BEFORE)).toBe(2);
      const { code, said } = await verify(storehouse, house, '--deep');
      expect(said).toContain('2 objects of the archive');
      expect(said).toContain('read to the last byte. 1 file is not there');
      expect(code).toBe(0);
    });
  });

  test('an archive that is away is a difference, and costs nothing of the rest', async () => {
    await withArchive(async (storehouse, house) => {
      const env = { ARCHIVE_ENDPOINT: `http://127.0.0.1:${await freePort()}` };
      const { code, stdout, stderr } = await storehouse.sluice(house.pipeline, ['verify', '--archive'], env);
      expect([code, stderr]).toEqual([1, '']);
      expect(stdout).toMatch(/^2 files +2 +2 +2 /m);
      expect(stdout).toMatch(/s3:\S+: cannot be asked: .*ECONNREFUSED/);
    });
  });

  test('tells of an object that is gone, and of one that somebody has replaced', async () => {
    await withArchive(async (storehouse, house) => {
      const [first, second] = await storehouse.keys();
      {
        using store = await storehouse.open();
        await store.delete(first!);
      }
      await storehouse.overwrite(second!, gzipSync('{"id":"Sensor 2"}\n'), {});
      const { code, said } = await verify(storehouse, house);
      expect(said).toContain(`${NAME}: ${storehouse.settings.ARCHIVE_URL}/${first} is not there`);
      expect(said).toContain(`/${second} has the checksum `);
      expect(code).toBe(1);
    });
  });

  test('tells of marks for late lines that are gone or emptied, and of an object that says nothing of itself', async () => {
    await withArchive(async (storehouse, house) => {
      await house.record(
        reading('Sensor 1', '2025-11-10T10:15:11Z', 20),
        reading('Sensor 1', '2025-11-03T10:15:12Z', 21),
      );
      await house.load();
      await house.compress(BEFORE);
      await storehouse.archive();
      expect((await verify(storehouse, house)).code).toBe(0);
      const marks = (await storehouse.keys()).find(key => key.endsWith('.late'))!;
      const said = `${NAME}: ${storehouse.settings.ARCHIVE_URL}/${marks}`;
      await storehouse.overwrite(marks, Buffer.alloc(0), {});
      expect(await verify(storehouse, house)).toMatchObject({
        code: 1,
        said: expect.stringContaining(`${said} does not begin with the marks`),
      });
      await storehouse.deleteMarks();
      const key = (await storehouse.keys()).find(key => key.includes('Sensor_2'))!;
      {
        using store = await storehouse.open();
        await storehouse.overwrite(key, await store.bytes(key, (await store.head(key))!), {});
      }
      const gone = await verify(storehouse, house);
      expect(gone.said).toContain(`${said} is not there`);
      expect(gone.said).toContain(`/${key} lacks the metadata sluice-sha256`);
      expect(gone.code).toBe(1);
    });
  });

  test('--deep compares with the file in the data folder', async () => {
    await withArchive(async (storehouse, house) => {
      const path = join(house.pipeline.raw, `${NAME}.gz`);
      const text = gunzipSync(await readFile(path)).toString();
      await writeFile(path, gzipSync(text.replace(/20/, '21')));
      expect((await verify(storehouse, house)).said).not.toContain('in the data folder');
      const { code, said } = await verify(storehouse, house, '--deep');
      expect(said).toContain('says something else than the file in the data folder');
      expect(code).toBe(1);
    });
  });

  test('needs an archive', async () => {
    await withArchive(async (_, house) => {
      const { code, stderr } = await house.pipeline.sluice(['verify', '--archive']);
      expect(stderr).toContain('--archive needs ARCHIVE_URL');
      expect(code).toBe(2);
    });
  });
});
