import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { archivePath, exists } from '../bronze/archive.ts';
import { firstLineOf } from '../bronze/first-line.ts';
import { GzipFileError, gunzippedLength } from '../bronze/gzip-file.ts';
import { isRawFileName, uncompressedName } from '../bronze/partition.ts';
import { firstLineHash, readEntries } from '../silver/ledger.ts';

/** Files that are compared with the ledger by one question. */
const AT_ONCE = 500;

/** A raw file of a day that is over. */
export interface OldFile {
  /** Name of its plain form. */
  name: string;
  /** Path of its plain form. */
  path: string;
  /** Whether it is compressed. */
  archived: boolean;
  /** Length of its text. */
  bytes: number;
}

/**
 * The raw files of the days before `before` (a UTC date) that are loaded to their last byte, some at a time. What is still
 * to be loaded is left out, and so is a file that is not the one that was loaded under its name, or has two forms.
 * @param forms which forms are asked for.
 */
export async function* loadedFilesBefore(
  client: ClientBase,
  collector: string,
  folder: string,
  before: string,
  forms: 'plain' | 'all',
): AsyncGenerator<OldFile[]> {
  const present = new Set(await readdir(folder));
  const names = [...new Set([...present].map(uncompressedName))]
    .filter(name => isRawFileName(name) && name.slice(0, 10) < before)
    .filter(name => present.has(name) !== present.has(archivePath(name)))
    .filter(name => forms === 'all' || present.has(name))
    .sort();
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE);
    const ledger = await readEntries(client, collector, some);
    const loaded: OldFile[] = [];
    for (const name of some) {
      const file = await lookAt(folder, name);
      const entry = ledger.get(name);
      if (file === undefined || entry === undefined || file.bytes === 0 || file.bytes !== entry.bytes)
        continue;
      const first = firstLineOf(file.path, file.bytes);
      if (first !== undefined && firstLineHash(first) === entry.firstLineHash) loaded.push(file);
    }
    if (loaded.length > 0) yield loaded;
  }
}

/**
 * Whether raw files of the days before `before` (a UTC date) hold lines that are not loaded yet.
 * @param sizes of all raw files.
 */
export async function isBehind(
  client: ClientBase,
  collector: string,
  sizes: ReadonlyMap<string, number>,
  before: string,
): Promise<boolean> {
  const names = [...sizes.keys()].filter(name => name.slice(0, 10) < before);
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE);
    const ledger = await readEntries(client, collector, some);
    if (some.some(name => (ledger.get(name)?.bytes ?? 0) < sizes.get(name)!)) return true;
  }
  return false;
}

/** How a file stands in its folder; undefined where it does not, or cannot be read. */
export async function lookAt(folder: string, name: string): Promise<OldFile | undefined> {
  const path = join(folder, name);
  try {
    const archived = !(await exists(path));
    const bytes = archived ? await gunzippedLength(archivePath(path)) : (await stat(path)).size;
    return { name, path, archived, bytes };
  } catch (error) {
    if (error instanceof GzipFileError || (error as NodeJS.ErrnoException).code === 'ENOENT')
      return undefined;
    throw error;
  }
}
