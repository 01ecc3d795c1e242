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
