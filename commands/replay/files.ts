import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { ClientBase } from 'pg';
import { UsageError } from '../../base/errors.ts';
import {
  compressedPath,
  FORMS,
  formOf,
  otherForm,
  plainPath,
  rawFolder,
} from '../../collector/bronze/raw-file-name.ts';

/** A file to replay. `name` is its name in the ledger: relative for the collector's own, absolute for others. */
export interface ReplayFile {
  path: string;
  name: string;
  bytes: number;
  /** What is known of one that comes from an archive. */
  archived?: ArchivedFile;
}

/** A file that was brought from an archive. */
interface ArchivedFile {
  /** Whose it is. */
  collector: string;
  /** Where it stands, with what may be looked up beside it. */
  folder: string;
  /** The collector has it, too: what it has not loaded of it is left to it. */
  isLocal: boolean;
  /** Called when it is loaded. */
  loaded(client: ClientBase): Promise<void>;
}

/** Whether a file is not in the collector's own raw folder. */
export function isForeign({ name }: ReplayFile): boolean {
  return isAbsolute(name);
}

/**
 * Finds the raw files below files and folders, the collector's own first: where values conflict, its own were first.
 * @param places by default the raw folder of `dataDir`.
 * @throws when one of them does not exist, or a file is neither .jsonl nor .jsonl.gz.
 */
export async function findFiles(places: string[], dataDir: string): Promise<ReplayFile[]> {
  const raw = await realpath(rawFolder(dataDir)).catch(() => resolve(rawFolder(dataDir)));
  const files = new Map<string, ReplayFile>();
  for (const place of places.length > 0 ? places : [raw]) {
    for (const path of await pathsBelow(place)) {
      const real = await realpath(path).catch(() => realpath(otherForm(path)));
      const name = dirname(real) === raw ? plainPath(basename(real)) : real;
      files.set(real, { path: real, name, bytes: (await stat(real)).size });
    }
  }
  // While one form is made of the other both are there; the plain one counts.
  for (const { path, name } of files.values())
    if (path === join(raw, name)) files.delete(compressedPath(path));
  const order = (file: ReplayFile) => `${isForeign(file) ? 1 : 0}${file.name}`;
  return [...files.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** A file of the collector's own, in the form that it has now. */
export async function findAgain(file: ReplayFile): Promise<ReplayFile> {
  const path = plainPath(file.path);
  const { size } = (await stat(path).catch(() => undefined)) ?? { size: undefined };
  return size === undefined ? { ...file, path: compressedPath(path) } : { ...file, path, bytes: size };
}

async function pathsBelow(place: string): Promise<string[]> {
  const found = await stat(place).catch(error => {
    throw new UsageError(`There is no file or folder ${place} to replay: ${error.code}`);
  });
  if (!found.isDirectory()) {
    if (formOf(place) !== undefined) return [place];
    throw new UsageError(`${place} is not a raw file: its name must end in ${FORMS}`);
  }
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => !entry.isDirectory() && formOf(entry.name) !== undefined)
    .map(entry => join(entry.parentPath, entry.name));
}
