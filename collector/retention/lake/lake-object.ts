import { digestOf } from '../../../base/objects/checksum.ts';
import type { ObjectStore } from '../../../base/objects/object-store.ts';

/*
 * How objects of the lake are written: over what is there, as they follow from the archive and the database and can be made
 * again. Whoever writes says which object it has seen, so that of two that write at once one fails and looks again.
 */

/** Writes a Parquet file, unless it is there. @returns its size and SHA-256 (hex). */
export async function writeParquet(
  store: ObjectStore,
  key: string,
  path: string,
  metadata: Record<string, string> = {},
): Promise<{ bytes: number; sha256: string }> {
  const { size, digest } = await digestOf(path);
  const head = await store.head(key);
  if (head?.size !== size || head.checksum !== digest.checksum) {
    const condition = head === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: head.etag };
    const contentType = 'application/vnd.apache.parquet';
    await store.write(key, { path, size, digest, contentType }, metadata, condition);
  }
  return { bytes: size, sha256: digest.sha256 };
}

/** Writes a small text, unless it is there. */
export async function writeText(store: ObjectStore, key: string, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  const head = await store.head(key);
  if (head !== undefined && head.size === bytes.length && (await store.bytes(key, head)).equals(bytes))
    return;
  await store.writeBytes(key, bytes, head === undefined ? { ifNoneMatch: '*' } : { ifMatch: head.etag });
}
