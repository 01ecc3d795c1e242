import { setTimeout as sleep } from 'node:timers/promises';
import type { Group } from './group.ts';

/** A group grows for at most this long, and only while each step brings more: a broker may allow few in flight. */
const GROW_MS = 100;
/**
 * It grows longer where it has many files: to sync one costs the same, whatever is added to it. With 1,000 files and 400 ms
 * instead of 100 a message costs a quarter less CPU, with 10,000 files a tenth.
 */
const GROW_MS_PER_FILE = 0.4;
const MOST_GROW_MS = 400;
const STEP_MS = 15;

/** Waits while the open group grows: it costs its fsyncs and its messages between threads, whatever its size. */
export async function letGrow(open: () => Group | undefined, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  for (let size = 0, group = open(); group !== undefined && group.size > size; group = open()) {
    if (signal.aborted || performance.now() - began >= growMs(group)) return;
    size = group.size;
    await sleep(STEP_MS);
  }
}

function growMs({ files }: Group): number {
  return Math.min(MOST_GROW_MS, Math.max(GROW_MS, files.size * GROW_MS_PER_FILE));
}
