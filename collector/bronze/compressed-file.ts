import { createReadStream } from 'node:fs';
import { access, opendir, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { syncFolder } from './append-file.ts';
import { GzipFileError, writeGunzipped, writeGzip } from './gzip-file.ts';
import { compressedPath, damagedPath, isTemporary, rawFolder, temporaryPath } from './raw-file-name.ts';
import { inBothForms } from './raw-folder.ts';

/*
 * A raw file has two forms: `.jsonl`, to which lines are appended, and `.jsonl.gz`. At any instant one of them is the
 * truth: `.jsonl` where it is there. Each step from one form to the other leaves a state from which the next start goes on:
 *
 *   compress   .jsonl                restore   .jsonl.gz
 *              .jsonl .gz.tmp                  .jsonl.gz .jsonl.tmp
 *              .jsonl .gz                      .jsonl.gz .jsonl
 *              .gz                             .jsonl
 */

/** Makes the compressed form of the first `bytes` bytes of a raw file, under a temporary name; it is durable and proved. */
export async function prepareCompressed(path: string, bytes: number, signal?: AbortSignal): Promise<void> {
  const target = temporaryPath(compressedPath(path));
  try {
    await writeGzip(path, target, bytes, signal);
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

/** Puts the prepared compressed form in the place of the plain one. Nothing may be appended meanwhile. */
export async function exchangeForCompressed(path: string): Promise<void> {
  const compressed = compressedPath(path);
  await rename(temporaryPath(compressed), compressed);
  await syncFolder(dirname(path));
  await unlink(path);
  await syncFolder(dirname(path));
}

/** Forgets a prepared compressed form. */
export async function discardCompressed(path: string): Promise<void> {
  await rm(temporaryPath(compressedPath(path)), { force: true });
}

/**
 * Makes a raw file plain again, so that lines can be appended.
 * @param onDamage told where the compressed form cannot be read: it is kept under another name, and the file begins anew.
 * @returns whether the plain form is there now.
 */
export async function restorePlain(path: string, onDamage: (error: Error) => void): Promise<boolean> {
  const compressed = compressedPath(path);
  if (!(await exists(compressed))) return false;
  try {
    await writeGunzipped(compressed, temporaryPath(path));
    await rename(temporaryPath(path), path);
  } catch (error) {
    await rm(temporaryPath(path), { force: true });
    if (!(error instanceof GzipFileError)) throw error;
    await rename(compressed, damagedPath(compressed));
    await syncFolder(dirname(path));
    onDamage(error);
    return false;
  }
  await syncFolder(dirname(path));
  await unlink(compressed);
  await syncFolder(dirname(path));
  return true;
}

/**
 * Mends what a crash has left in the folder of the raw files: removes temporary files, and the compressed form where the
 * plain one says the same and perhaps more.
 * @param onConflict told of a file whose two forms differ, as they can only by another hand: both are left alone.
 */
export async function tidyRawFolder(dataDir: string, onConflict: (file: string) => void): Promise<void> {
  const folder = rawFolder(dataDir);
  for await (const { name } of await opendir(folder)) {
    if (isTemporary(name)) await rm(join(folder, name), { force: true });
  }
  for await (const name of inBothForms(dataDir)) {
    const path = join(dataDir, name.path);
    if (await continues(path, compressedPath(path))) {
      // The entry of the plain one may not be on disk yet.
      await syncFolder(folder);
      await unlink(compressedPath(path));
    } else onConflict(name.key);
  }
  await syncFolder(folder);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    error => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    },
  );
}

/** Whether a plain file begins with all that a compressed one says. */
async function continues(plain: string, compressed: string): Promise<boolean> {
  const { size } = await stat(plain);
  const gzipped = createReadStream(compressed);
  const text: Readable = gzipped.pipe(createGunzip());
  gzipped.on('error', error => text.destroy(error));
  const known = createReadStream(plain)[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let at = 0;
  let have = Buffer.alloc(0);
  try {
    for await (const chunk of text as AsyncIterable<Buffer>) {
      at += chunk.length;
      if (at > size) return false;
      while (have.length < chunk.length) {
        const { value, done } = await known.next();
        if (done) return false;
        have = Buffer.concat([have, value]);
      }
      if (!have.subarray(0, chunk.length).equals(chunk)) return false;
      have = have.subarray(chunk.length);
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_')) return false;
    throw error;
  } finally {
    gzipped.destroy();
    await known.return?.();
  }
}
