import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type Digest, ObjectDigest } from '../../../base/objects/checksum.ts';
import { ObjectDamagedError, type ObjectStoreError } from '../../../base/objects/error.ts';
import type { Condition, ObjectStore } from '../../../base/objects/object-store.ts';
import type { Copy } from './archive-ledger.ts';
import { compareTexts } from './comparison.ts';
import { metadataOf } from './object-facts.ts';
import { ObjectName } from './object-name.ts';

/** So often another hand may write an object just before us. */
const MOST_RACES = 5;

/** A compressed file that is to be copied. */
export interface Original {
  collector: string;
  /** UTC date. */
  date: string;
  /** See `ObjectName`. */
  file: string;
  /** Path of the compressed file. */
  path: string;
  /** Length of its text. */
  bytes: number;
  /** The marks for late lines beside it; empty where there are none. */
  marks: Buffer;
}

/**
 * Copies a file into the archive, unless it is there. An object is only ever replaced by one that goes on where it ends: a file
 * that says something else becomes a further part. Interrupted at any instant it leaves the former object or the new one, and
 * is done again.
 * @returns the copy, as it was seen there.
 * @throws {ObjectStoreError} {ObjectDamagedError}; errors of the disk, such as that the file is not there any more.
 */
export async function copyToArchive(store: ObjectStore, original: Original): Promise<Copy> {
  const { collector, date, file, path, bytes } = original;
  const { size, digest } = await digestOf(path);
  for (let part = 1, races = 0; ; ) {
    const name = new ObjectName(collector, date, file, part);
    const head = await store.head(name.key);
    let condition: Condition = { ifNoneMatch: '*' };
    if (head !== undefined) {
      if (head.size === size && head.checksum === digest.checksum) return { key: name.key, bytes, ...digest };
      const { relation, digest: known } = await compareTexts(store, name.key, head, path);
      if (relation === 'equal') return { key: name.key, bytes, ...known! };
      if (relation === 'other') {
        part++;
        continue;
      }
      condition = { ifMatch: head.etag };
    }
    try {
      await writeMarks(store, name.lateMarks, original.marks);
      const marks = { bytes: original.marks.length, sha256: sha256Of(original.marks) };
      const facts = { name, bytes, sha256: digest.sha256, marks: marks.bytes === 0 ? undefined : marks };
      await store.write(name.key, { path, size, digest }, metadataOf(facts), condition);
      return { key: name.key, bytes, ...digest };
    } catch (error) {
      // Somebody has written it since we looked.
      if ((error as ObjectStoreError).status !== 412 || ++races > MOST_RACES) throw error;
    }
  }
}

/** Marks go before the lines that they are for, as the recorder writes them. */
async function writeMarks(store: ObjectStore, key: string, marks: Buffer): Promise<void> {
  if (marks.length === 0) return;
  const head = await store.head(key);
  if (head === undefined) return store.writeBytes(key, marks, { ifNoneMatch: '*' });
  const there = await store.bytes(key, head);
  if (there.equals(marks)) return;
  if (there.length > marks.length || !marks.subarray(0, there.length).equals(there)) {
    throw new ObjectDamagedError(
      store.url(key),
      'holds other marks for late lines than the data folder: somebody has changed one of the two. Move the object away',
    );
  }
  await store.writeBytes(key, marks, { ifMatch: head.etag });
}

async function digestOf(path: string): Promise<{ size: number; digest: Digest }> {
  const { size } = await stat(path);
  const digest = new ObjectDigest(size);
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) digest.update(chunk);
  return { size, digest: digest.digest() };
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
