import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Micros, utcDate } from '../../base/time.ts';

/** The folder of the rejected messages, below the data folder. */
const REJECTED = 'rejected';

/** The folder of the rejected messages of a data folder. */
export function rejectedFolder(dataDir: string): string {
  return join(dataDir, REJECTED);
}

/** The file of the messages that are rejected at a time, below the data folder: `rejected/2025-11-12.jsonl`. */
export function rejectedFile(arrival: Micros): string {
  return `${REJECTED}/${utcDate(arrival)}.jsonl`;
}

/** The file that stands in for one that cannot be written. */
export function rejectedFileBeside(path: string): string {
  return path.replace(/\.jsonl$/, '~.jsonl');
}

/** Whether a file of rejected messages stands in for one that could not be written. */
export function isBeside({ path }: RejectedFile): boolean {
  return path.endsWith('~.jsonl');
}

/** Whether a path below the data folder is that of a file of rejected messages. */
export function isRejectedFile(path: string): boolean {
  return path.startsWith(`${REJECTED}/`);
}

/** A file of rejected messages: the UTC date of their arrival, and its path below the data folder. */
export interface RejectedFile {
  date: string;
  path: string;
}

/** The files of rejected messages of a data folder. */
export async function listRejectedFiles(dataDir: string): Promise<RejectedFile[]> {
  const entries = await readdir(rejectedFolder(dataDir), { withFileTypes: true });
  return entries.flatMap(entry => {
    if (entry.isDirectory()) return [];
    const { name } = entry;
    const date = /^(\d{4}-\d\d-\d\d)~?\.jsonl$/.exec(name)?.[1];
    return date === undefined ? [] : [{ date, path: `${REJECTED}/${name}` }];
  });
}
