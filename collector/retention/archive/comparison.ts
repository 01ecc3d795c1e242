import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Digest, ObjectDigest } from '../../../base/objects/checksum.ts';
import type { ObjectHead, ObjectStore } from '../../../base/objects/object-store.ts';

/**
 * How the text of an object and that of a file compare. *equal*; *extended*: the file goes on where the object ends; *other*: neither, or
 * the object cannot be read as gzip.
 */
export type Relation = 'equal' | 'extended' | 'other';

/**
 * Compares an object with a compressed file by what they say: the same text may be compressed otherwise.
 * @returns their relation, and the digest of the object where it was read to its end.
 * @throws what the object storage or the disk says; errors of zlib where the file is damaged.
 */
export async function compareTexts(
  store: ObjectStore,
  key: string,
  head: ObjectHead,
  path: string,
): Promise<{ relation: Relation; digest?: Digest }> {
  const digest = new ObjectDigest(head.size);
  const object = textOf(
    (async function* () {
      for await (const chunk of store.read(key, head)) {
        digest.update(chunk);
        yield chunk;
      }
    })(),
  );
  const file = textOf(createReadStream(path));
  try {
    const relation = await relationOf(object, file);
    return relation === 'other' ? { relation } : { relation, digest: digest.digest() };
  } finally {
    await Promise.all([object.return(undefined), file.return(undefined)]);
  }
}

/** Ends a comparison with an object that is not gzip. */
class NotGzipError extends Error {}

async function relationOf(object: AsyncGenerator<Buffer>, file: AsyncGenerator<Buffer>): Promise<Relation> {
  let have: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of marked(object)) {
      while (have.length < chunk.length) {
        const { value, done } = await file.next();
        // The object says more, or something else.
        if (done) return 'other';
        have = have.length === 0 ? value : Buffer.concat([have, value]);
      }
      if (!have.subarray(0, chunk.length).equals(chunk)) return 'other';
      have = have.subarray(chunk.length);
    }
  } catch (error) {
    if (error instanceof NotGzipError) return 'other';
    throw error;
  }
  for (let more: Buffer = have; ; ) {
    if (more.length > 0) return 'extended';
    const { value, done } = await file.next();
    if (done) return 'equal';
    more = value;
  }
}

async function* marked(object: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* object;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code?.startsWith('Z_') ? new NotGzipError() : error;
  }
}

/** The text of gzipped bytes. */
async function* textOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const fed = pipeline(Readable.from(bytes), gunzip);
  // Seen when the text is read; where nobody reads it to its end it is not an error.
  fed.catch(() => undefined);
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } finally {
    gunzip.destroy();
  }
}
