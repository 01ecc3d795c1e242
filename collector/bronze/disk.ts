import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PROBE_BYTES = 256 * 1024;
const PROBE_EVERY_MS = 1000;

/** Writes to a folder now and then until that works. @returns false where the signal ends it before. */
export async function untilWritable(folder: string, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    await sleep(PROBE_EVERY_MS, undefined, { signal }).catch(() => undefined);
    const works = await writeProbe(join(folder, '.probe')).then(
      () => true,
      () => false,
    );
    if (works) return true;
  }
  return false;
}

async function writeProbe(path: string): Promise<void> {
  try {
    const handle = await open(path, 'w');
    try {
      await handle.write(Buffer.alloc(PROBE_BYTES));
      await handle.datasync();
    } finally {
      await handle.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}

/** How much room a folder's disk has, in words; empty where it does not tell. */
export async function freeSpace(folder: string): Promise<string> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return `${Math.floor((bavail * bsize) / 1e6)} of ${Math.floor((blocks * bsize) / 1e6)} MB free`;
  } catch {
    return '';
  }
}

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** Does what a start has to write in a data folder. @throws where the disk is full, which folder that is of, and what to do; other errors as they are. */
export async function writingTo<T>(folder: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!FULL.has(code ?? '')) throw error;
    const room = await freeSpace(folder);
    throw new Error(
      `Cannot begin in the data folder ${folder}${room && ` (${room})`}: ${message}. ` +
        'Free some space on its disk, or let DATA_DIR name a folder on another one, and start again; what is recorded there is kept.',
      { cause: error },
    );
  }
}
