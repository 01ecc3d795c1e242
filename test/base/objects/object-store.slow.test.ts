import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ObjectDigest } from '../../../base/objects/checksum.ts';
import { ObjectDamagedError, ObjectStoreError } from '../../../base/objects/error.ts';
import { ObjectStore } from '../../../base/objects/object-store.ts';
import { configFor } from '../../harness/pipeline.ts';
import { type SeaweedFs, startSeaweedFs, withoutSeaweedFs } from '../../harness/seaweedfs.ts';
import { temporaryFolder } from '../../harness/server.ts';

const MIB = 1024 * 1024;

/** A file with random bytes. */
async function fileOf(folder: string, size: number) {
  const bytes = randomBytes(size);
  const path = join(folder, `${size}`);
  await writeFile(path, bytes);
  const digest = new ObjectDigest(size);
  digest.update(bytes);
  return { path, size, bytes, digest: digest.digest() };
}

describe.skipIf(withoutSeaweedFs)('object storage', () => {
  let server: SeaweedFs;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const open = async () => {
    const settings = await server.settings();
    return ObjectStore.open(configFor(settings), settings.ARCHIVE_URL);
  };

  test.each([
    ['in one piece', 1000],
    ['in parts', 20 * MIB],
  ])('what is written %s is read back, with its checksum and metadata', async (_, size) => {
    await using folder = await temporaryFolder();
    using store = await open();
    const file = await fileOf(folder.path, size);
    expect(await store.head('a/b.gz')).toBeUndefined();
    await store.write('a/b.gz', file, { 'sluice-bytes': '7' }, { ifNoneMatch: '*' });
    const head = (await store.head('a/b.gz'))!;
    expect(head).toMatchObject({ size, metadata: { 'sluice-bytes': '7' }, checksum: file.digest.checksum });
    expect((await buffer(store.read('a/b.gz', head))).equals(file.bytes)).toBe(true);
    expect(await store.digest('a/b.gz', head)).toEqual(file.digest);
    const listed: unknown[] = [];
    for await (const object of store.list('a/')) listed.push(object);
    expect(listed).toEqual([{ key: 'a/b.gz', size }]);
  });

  test.each([
    ['in one piece', 1000],
    ['in parts', 9 * MIB],
  ])('an object %s is not written over unless it is the one that was looked at', async (_, size) => {
    await using folder = await temporaryFolder();
    using store = await open();
    const file = await fileOf(folder.path, size);
    await store.write('a', file, {}, { ifNoneMatch: '*' });
    const refused = { status: 412 };
    await expect(store.write('a', file, {}, { ifNoneMatch: '*' })).rejects.toMatchObject(refused);
    await expect(store.write('a', file, {}, { ifMatch: '"other"' })).rejects.toMatchObject(refused);
    await store.write('a', file, {}, { ifMatch: (await store.head('a'))!.etag });
  });

  test.each([
    ['in one piece', 1000, ObjectStoreError],
    ['in parts', 9 * MIB, ObjectDamagedError],
  ])('bytes other than those that were hashed are refused %s', async (_, size, kind) => {
    await using folder = await temporaryFolder();
    using store = await open();
    const file = await fileOf(folder.path, size);
    await writeFile(file.path, randomBytes(size));
    await expect(store.write('a', file, {}, { ifNoneMatch: '*' })).rejects.toThrow(kind);
  });
});
