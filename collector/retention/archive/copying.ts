import { type Digest, digestOf } from '../../../base/objects/checksum.ts';
import { ObjectDamagedError, type ObjectStoreError } from '../../../base/objects/error.ts';
import type { Condition, ObjectHead, ObjectStore } from '../../../base/objects/object-store.ts';
import type { Copy } from './archive-ledger.ts';
import { compareTexts, type Relation } from './comparison.ts';
import { factsOf, metadataOf } from './object-facts.ts';
import { ObjectName } from './object-name.ts';
import { sha256Of } from './proof.ts';

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
    const known = head && (await compare(store, name.key, head, { path, size, digest }));
    if (known?.relation === 'other') {
      part++;
      continue;
    }
    const condition: Condition = head === undefined ? { ifNoneMatch: '*' } : { ifMatch: head.etag };
    try {
      // Also where the object is there: they may be gone.
      await writeMarks(store, name.lateMarks, original.marks);
      const marks = original.marks.length === 0 ? undefined : factsOfMarks(original.marks);
      // What was written over with the same text says nothing of itself, or not of its marks.
      const says = head && factsOf(name.key, head);
      if (known?.relation === 'equal' && says?.sha256 !== undefined && (says.marks !== undefined || !marks))
        return { key: name.key, bytes, ...known.digest! };
      const facts = { name, bytes, sha256: digest.sha256, marks };
      await store.write(name.key, { path, size, digest }, metadataOf(facts), condition);
      return { key: name.key, bytes, ...digest };
    } catch (error) {
      // Somebody has written it since we looked.
      if ((error as ObjectStoreError).status !== 412 || ++races > MOST_RACES) throw error;
    }
  }
}

/** As `compareTexts`, but what has the checksum of the file need not be read. */
async function compare(
  store: ObjectStore,
  key: string,
  head: ObjectHead,
  { path, size, digest }: { path: string; size: number; digest: Digest },
): Promise<{ relation: Relation; digest?: Digest }> {
  if (head.size === size && head.checksum === digest.checksum) return { relation: 'equal', digest };
  return compareTexts(store, key, head, path);
}

function factsOfMarks(marks: Buffer): { bytes: number; sha256: string } {
  return { bytes: marks.length, sha256: sha256Of(marks) };
}

/** Marks go before the lines that they are for, as the recorder writes them. */
async function writeMarks(store: ObjectStore, key: string, marks: Buffer): Promise<void> {
  if (marks.length === 0) return;
  const head = await store.head(key);
  if (head === undefined) return store.writeBytes(key, marks, { ifNoneMatch: '*' });
  const there = await store.bytes(key, head);
  // It may have more: marks whose lines were never written.
  if (there.subarray(0, marks.length).equals(marks)) return;
  if (!marks.subarray(0, there.length).equals(there)) {
    throw new ObjectDamagedError(
      store.url(key),
      'holds other marks for late lines than the data folder: somebody has changed one of the two. Move the object away',
    );
  }
  await store.writeBytes(key, marks, { ifMatch: head.etag });
}
