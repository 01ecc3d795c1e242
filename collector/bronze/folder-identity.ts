import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../base/atomic-file.ts';
import { syncFolder } from './append-file.ts';

const NAME_FILE = 'collector_id';
const EPOCH_FILE = 'collector_epoch';

/** The name that a data folder has in the ledger; it is made where it has none yet. @param clientId the name begins with it. */
export async function nameCollector(path: string, clientId: string): Promise<string> {
  const known = await readCollectorName(path);
  if (known !== undefined) return known;
  const name = `${clientId}-${randomBytes(4).toString('hex')}`;
  await replaceFile(path, NAME_FILE, name);
  return name;
}

/** The name that a data folder has in the ledger; undefined where no collector has run. */
export function readCollectorName(path: string): Promise<string | undefined> {
  return readIfThere(join(path, NAME_FILE));
}

/**
 * Begins a new epoch of a data folder: each collector that takes it has a greater number than all before it. The ledger
 * refuses a loader of an older one. To be called by who has the folder's lock.
 */
export async function beginEpoch(path: string): Promise<number> {
  const last = Number((await readIfThere(join(path, EPOCH_FILE))) ?? 0);
  const epoch = Number.isSafeInteger(last) ? last + 1 : 1;
  await replaceFile(path, EPOCH_FILE, `${epoch}`);
  return epoch;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    // In a file there is nothing either.
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code!)) return undefined;
    throw error;
  }
}

/** A crash leaves the old text or the new one. */
async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  await writeAtomically(join(folder, name), `${text}\n`);
  await syncFolder(folder);
}
