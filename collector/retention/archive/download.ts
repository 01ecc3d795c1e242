import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { errorText } from '../../../base/errors.ts';
import { ObjectDigest } from '../../../base/objects/checksum.ts';
import { ObjectDamagedError } from '../../../base/objects/error.ts';
import type { ObjectHead, ObjectStore } from '../../../base/objects/object-store.ts';
import { GzipFileError, textLength } from '../../bronze/gzip-file.ts';
import type { Copy } from './archive-ledger.ts';
import type { ProvableFacts } from './proof.ts';

/**
 * Downloads an object of an archive, and proves it.
 * @param path of the compressed file that it becomes. @returns the copy that it is.
 * @throws {ObjectDamagedError} where it is not what was written, or cannot be read to its end.
 */
export async function download(
  store: ObjectStore,
  key: string,
  head: ObjectHead,
  { sha256, bytes: said }: ProvableFacts,
  path: string,
): Promise<Copy> {
  const digest = new ObjectDigest(head.size);
  await pipeline(
    store.read(key, head),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        digest.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(path),
  );
  const found = digest.digest();
  if (found.sha256 !== sha256)
    throw new ObjectDamagedError(
      store.url(key),
      `has the SHA-256 ${found.sha256}, and was written with ${sha256}`,
    );
  const bytes = await textLength(path).catch(error => {
    if (!(error instanceof GzipFileError)) throw error;
    throw new ObjectDamagedError(store.url(key), `cannot be read as gzip: ${errorText(error.cause)}`);
  });
  if (said !== undefined && said !== bytes)
    throw new ObjectDamagedError(
      store.url(key),
      `holds ${bytes} bytes of text, and was written with ${said}`,
    );
  return { key, bytes, ...found };
}
