import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import {
  discardCompressed,
  exchangeForCompressed,
  prepareCompressed,
  restorePlain,
  tidyRawFolder,
} from '../../../collector/bronze/compressed-file.ts';
import { firstLineOf } from '../../../collector/bronze/first-line.ts';
import { GzipFileError, gunzippedLength, writeGzip } from '../../../collector/bronze/gzip-file.ts';
import { compressedPath } from '../../../collector/bronze/raw-file-name.ts';
import { temporaryFolder } from '../../harness/server.ts';

const NAME = '2025-11-03_Sensor_1.jsonl';
const TEXT = Array.from(
  { length: 3000 },
  (_, n) => `{"id":"Sensor 1","dt":"2025-11-03","value":${n}}\n`,
).join('');
const never = (what: unknown) => {
  throw new Error(`unexpected: ${what}`);
};

async function withFile(use: (path: string, folder: string) => Promise<void>): Promise<void> {
  await using dataDir = await temporaryFolder();
  const folder = join(dataDir.path, 'raw');
  await mkdir(folder);
  const path = join(folder, NAME);
  await writeFile(path, TEXT);
  await use(path, folder);
}

test('a file becomes a gzip file that every gzip reads, and becomes what it was again', async () => {
  await withFile(async (path, folder) => {
    await prepareCompressed(path, TEXT.length);
    expect((await readdir(folder)).sort()).toEqual([NAME, `${NAME}.gz.tmp`]);
    await exchangeForCompressed(path);
    expect(await readdir(folder)).toEqual([`${NAME}.gz`]);
    expect(execFileSync('gzip', ['--decompress', '--stdout', compressedPath(path)]).toString()).toBe(TEXT);
    expect(await gunzippedLength(compressedPath(path))).toBe(TEXT.length);
    expect(firstLineOf(path, TEXT.length)?.toString()).toBe(TEXT.slice(0, TEXT.indexOf('\n')));
    expect(await restorePlain(path, never)).toBe(true);
    expect(await readdir(folder)).toEqual([NAME]);
    expect(await readFile(path, 'utf8')).toBe(TEXT);
    expect(await restorePlain(path, never)).toBe(false);
  });
});

test('only the first bytes of a file that has grown are compressed', async () => {
  await withFile(async path => {
    const half = TEXT.indexOf('\n', 500) + 1;
    await prepareCompressed(path, half);
    expect(gunzipSync(await readFile(`${compressedPath(path)}.tmp`)).toString()).toBe(TEXT.slice(0, half));
    await discardCompressed(path);
    expect(await readFile(path, 'utf8')).toBe(TEXT);
  });
});

test('a file that is shorter than it should be is not compressed', async () => {
  await withFile(async (path, folder) => {
    await expect(prepareCompressed(path, TEXT.length + 1)).rejects.toThrow(GzipFileError);
    expect(await readdir(folder)).toEqual([NAME]);
  });
});

test('a length beyond 32 bits is read back from the header', async () => {
  await withFile(async path => {
    await writeGzip(path, compressedPath(path), TEXT.length);
    const file = await readFile(compressedPath(path));
    file.writeBigUInt64LE(5n * 2n ** 32n + 7n, 16);
    await writeFile(compressedPath(path), file);
    expect(await gunzippedLength(compressedPath(path))).toBe(5 * 2 ** 32 + 7);
  });
});

test('the length of a gzip file of another hand is counted, also of one in several members', async () => {
  await withFile(async path => {
    await writeFile(compressedPath(path), Buffer.concat([gzipSync(TEXT), gzipSync(TEXT)]));
    expect(await gunzippedLength(compressedPath(path))).toBe(2 * TEXT.length);
  });
});

/** Every state that a SIGKILL can leave, as a way to make it. */
const states: Record<string, (path: string) => Promise<void>> = {
  'compressing: nothing yet': async () => undefined,
  'compressing: half of it written': async path => {
    await prepareCompressed(path, TEXT.length);
    await truncate(`${compressedPath(path)}.tmp`, 100);
  },
  'compressing: all of it written': path => prepareCompressed(path, TEXT.length),
  'compressing: renamed': async path => {
    await copyFile(path, `${path}.kept`);
    await prepareCompressed(path, TEXT.length);
    await exchangeForCompressed(path);
    await rename(`${path}.kept`, path);
  },
  'compressing: done': async path => {
    await prepareCompressed(path, TEXT.length);
    await exchangeForCompressed(path);
  },
  'making plain: half of it written': async path => {
    await prepareCompressed(path, TEXT.length);
    await exchangeForCompressed(path);
    await writeFile(`${path}.tmp`, TEXT.slice(0, 1000));
  },
  'making plain: all of it written': async path => {
    await prepareCompressed(path, TEXT.length);
    await exchangeForCompressed(path);
    await writeFile(`${path}.tmp`, TEXT);
  },
  'making plain: renamed, and appended to since': async path => {
    await prepareCompressed(path, TEXT.length);
    await exchangeForCompressed(path);
    await writeFile(path, `${TEXT}{"id":"Sensor 1","dt":"2025-11-03","value":-1}\n{"torn`);
  },
  'loading: unpacked beside': async path => {
    await prepareCompressed(path, TEXT.length);
    await exchangeForCompressed(path);
    await writeFile(`${path}.unpacked.tmp`, TEXT.slice(0, 500));
  },
};

for (const [state, make] of Object.entries(states)) {
  test(`after a SIGKILL, ${state}: the next start has one form, and all of the text`, async () => {
    await withFile(async (path, folder) => {
      await make(path);
      await tidyRawFolder(dirname(folder), never);
      const names = await readdir(folder);
      expect(names).toHaveLength(1);
      expect([NAME, `${NAME}.gz`]).toContain(names[0]);
      if (names[0] === NAME) expect((await readFile(path, 'utf8')).startsWith(TEXT)).toBe(true);
      else expect(gunzipSync(await readFile(compressedPath(path))).toString()).toBe(TEXT);
    });
  });
}

test('two forms that say different things are both left alone, and told', async () => {
  await withFile(async (path, folder) => {
    for (const other of [
      gzipSync(TEXT.replace('999', '998')),
      gzipSync(`${TEXT}{}\n`),
      Buffer.from('no gzip at all'),
    ]) {
      await writeFile(compressedPath(path), other);
      const told: string[] = [];
      await tidyRawFolder(dirname(folder), file => told.push(file));
      expect(told).toEqual([NAME]);
      expect((await readdir(folder)).sort()).toEqual([NAME, `${NAME}.gz`]);
    }
  });
});

test('what is not ours is left alone', async () => {
  await withFile(async (_, folder) => {
    for (const name of ['notes.tmp', 'notes.gz', `${NAME}.bak`, 'x.jsonl.tmp'])
      await writeFile(join(folder, name), 'x');
    await tidyRawFolder(dirname(folder), never);
    expect((await readdir(folder)).sort()).toEqual([
      NAME,
      `${NAME}.bak`,
      'notes.gz',
      'notes.tmp',
      'x.jsonl.tmp',
    ]);
  });
});

test('a compressed file that is damaged is kept aside, and the file begins anew', async () => {
  await withFile(async (path, folder) => {
    await prepareCompressed(path, TEXT.length);
    await exchangeForCompressed(path);
    await truncate(compressedPath(path), 200);
    const told: Error[] = [];
    expect(await restorePlain(path, error => told.push(error))).toBe(false);
    expect(told[0]).toBeInstanceOf(GzipFileError);
    expect(await readdir(folder)).toEqual([`${NAME}.gz.damaged`]);
  });
});
