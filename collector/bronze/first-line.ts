import { closeSync, openSync, readSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import { readFirstLine } from './line-reader.ts';
import { compressedPath } from './raw-file-name.ts';

/** Much more than the first line needs. */
const HEAD_BYTES = 64 * 1024;

/**
 * The first line of a raw file, plain or compressed, without its line end; undefined while there is none, or no file.
 * Synchronous, as the loader's thread has nothing else to do meanwhile.
 * @param path of the plain form.
 * @param to look no further than this byte.
 */
export function firstLineOf(path: string, to: number): Buffer | undefined {
  try {
    return readFirstLine(path, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return firstLineOfCompressed(compressedPath(path));
  }
}

function firstLineOfCompressed(path: string): Buffer | undefined {
  const head = Buffer.alloc(HEAD_BYTES);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const bytes = readSync(descriptor, head, 0, head.length, 0);
    // It ends in the middle: what can be said up to there is enough.
    const text = gunzipSync(head.subarray(0, bytes), { finishFlush: constants.Z_SYNC_FLUSH });
    const end = text.indexOf(0x0a);
    return end < 0 ? undefined : text.subarray(0, end);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code?.startsWith('Z_')) return undefined;
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
