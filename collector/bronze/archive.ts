import { createReadStream } from 'node:fs';
import { access, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { syncFolder } from './append-file.ts';
import { GzipFileError, writeGunzipped, writeGzip } from './gzip-file.ts';
import { isRawFileName, uncompressedName } from './partition.ts';

/*
 * A raw file has two forms: `.jsonl`, to which lines are appended, and `.jsonl.gz`. At any instant one of them is the
 * truth: `.jsonl` where it is there. Each step from one form to the other leaves a state from which the next start goes on:
 *
 *   compress   .jsonl                restore   .jsonl.gz
 *              .jsonl .gz.tmp                  .jsonl.gz .jsonl.tmp
 *              .jsonl .gz                      .jsonl.gz .jsonl
 *              .gz                             .jsonl
 */

/** A file that is being made. What a crash leaves of it is removed at the next start. */
const temporary = (path: string) => `${path}.tmp`;

/** Path of the compressed form of a raw file. */
export function archivePath(path: string): string {
  return `${path}.gz`;
}

/** Where a raw file of a collector at work may be by now: between two looks it may be compressed, or made plain. */
export function otherForm(path: string): string {
  const plain = uncompressedName(path);
  return plain === path ? archivePath(path) : plain;
}

/** Makes the compressed form of the first `bytes` bytes of a raw file, under a temporary name; it is durable and proved. */
export async function prepareArchive(path: string, bytes: number, signal?: AbortSignal): Promise<void> {
  const target = temporary(archivePath(path));
  try {
    await writeGzip(path, target, bytes, signal);
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

/** Puts the prepared compressed form in the place of the plain one. Nothing may be appended meanwhile. */
export async function exchangeForArchive(path: string): Promise<void> {
  const archive = archivePath(path);
  await rename(temporary(archive), archive);
  await syncFolder(dirname(path));
  await unlink(path);
  await syncFolder(dirname(path));
}

/** Forgets a prepared compressed form. */
export async function discardArchive(path: string): Promise<void> {
  await rm(temporary(archivePath(path)), { force: true });
}

/**
 * Makes a raw file plain again, so that lines can be appended.
 * @param onDamage told where the compressed form cannot be read: it is kept under another name, and the file begins anew.
 * @returns whether the plain form is there now.
 */
export async function restoreFile(path: string, onDamage: (error: Error) => void): Promise<boolean> {
  const archive = archivePath(path);
  if (!(await exists(archive))) return false;
  try {
    await writeGunzipped(archive, temporary(path));
    await rename(temporary(path), path);
  } catch (error) {
    await rm(temporary(path), { force: true });
    if (!(error instanceof GzipFileError)) throw error;
    await rename(archive, `${archive}.damaged`);
    await syncFolder(dirname(path));
    onDamage(error);
    return false;
  }
  await syncFolder(dirname(path));
  await unlink(archive);
  await syncFolder(dirname(path));
  return true;
}

/**
 * Mends what a crash has left in the folder of the raw files: removes temporary files, and the compressed form where the
 * plain one says the same and perhaps more.
 * @param onConflict told of a file whose two forms differ, as they can only by another hand: both are left alone.
 */
export async function tidyFolder(folder: string, onConflict: (file: string) => void): Promise<void> {
  const names = new Set(await readdir(folder));
  for (const name of names) {
    if (isTemporary(name)) await rm(join(folder, name), { force: true });
    const plain = uncompressedName(name);
    if (name === plain || !isRawFileName(plain) || !names.has(plain)) continue;
    if (await continues(join(folder, plain), join(folder, name))) {
      // The entry of the plain one may not be on disk yet.
      await syncFolder(folder);
      await unlink(join(folder, name));
    } else onConflict(plain);
  }
  await syncFolder(folder);
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    error => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    },
  );
}

function isTemporary(name: string): boolean {
  const made = /^(.+\.jsonl)(?:\.gz|\.unpacked)?\.tmp$/.exec(name)?.[1];
  return made !== undefined && isRawFileName(made);
}

/** Whether a plain file begins with all that a compressed one says. */
async function continues(plain: string, archive: string): Promise<boolean> {
  const { size } = await stat(plain);
  const compressed = createReadStream(archive);
  const text: Readable = compressed.pipe(createGunzip());
  compressed.on('error', error => text.destroy(error));
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
    compressed.destroy();
    await known.return?.();
  }
}
