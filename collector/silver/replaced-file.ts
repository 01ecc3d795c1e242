import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { firstLineOf } from '../bronze/first-line.ts';
import type { BacklogFile } from './backlog-file.ts';
import { firstLineHash, type LedgerEntry, setEntryAside } from './ledger.ts';
import type { LoaderLog } from './protocol.ts';

/** A file is not the one that was loaded under its name: what we know of it is to be compared with the ledger again. */
export class FileReplacedError extends Error {
  constructor(file: string) {
    super(`The raw file ${file} has begun anew or was cut; comparing the files with the ledger again.`);
    this.name = 'FileReplacedError';
  }
}

/**
 * Whether a file only took the name of the one that the ledger knows: it is shorter than what was loaded of that, or begins
 * otherwise.
 * @param folder of the raw files. @throws errors of the disk.
 */
export function isAnotherFile(
  folder: string,
  { key, durable, begun }: BacklogFile,
  entry: LedgerEntry,
): boolean {
  const { bytes: loaded, firstLineHash: known, removedAt } = entry;
  if (durable < loaded) return true;
  // Of a file that was removed on purpose nothing can have grown.
  if (removedAt !== undefined && (durable > loaded || begun)) return true;
  // What is loaded to its end is looked at when it grows: reading every file of the past at each start would take long.
  // One that has begun is looked at too: its entry is its own where only the answer to a COMMIT was lost.
  if ((durable === loaded && !begun) || known === null) return false;
  const first = firstLineOf(join(folder, key), durable);
  return first !== undefined && firstLineHash(first) !== known;
}

/** Puts the entry of the file that had this name aside: the present one is loaded from its beginning. */
export async function startAfresh(
  client: ClientBase,
  collector: string,
  { path: file, removedAt }: LedgerEntry,
  log: LoaderLog,
): Promise<void> {
  const kept = await setEntryAside(client, collector, file);
  if (removedAt !== undefined) {
    log.info({ file, ledger: kept }, 'readings for a raw file that was removed as too old: it begins anew');
    return;
  }
  log.warn(
    { file, ledger: kept },
    'a raw file is not the one that was loaded under its name: it was replaced or cut by another hand. ' +
      'It is loaded from its beginning; the counters of the former one are kept under another name',
  );
}
