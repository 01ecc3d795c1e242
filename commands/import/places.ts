import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { LocalFile, type SourceFile } from './source-file.ts';

const FORMS = /\.(?:csv|tsv|txt|json|jsonl|ndjson)(?:\.gz)?$|\.parquet$/i;

/** Files to import, and how many others lie there. */
export interface Found {
  files: SourceFile[];
  /** Files of folders whose names are not those of measurements. */
  others: number;
}

/**
 * Finds the files of folders, and files, in the order of their names.
 * @throws {UsageError} where there is none of a name.
 */
export async function findSources(places: readonly string[]): Promise<Found> {
  const found = new Map<string, SourceFile>();
  let others = 0;
  for (const place of places) {
    const at = await statOf(place);
    if (!at.isDirectory()) found.set(await realpath(place), new LocalFile(place, at.size));
    else {
      for (const name of (await readdir(place, { recursive: true })).sort()) {
        const path = join(place, name);
        const below = await stat(path);
        if (!below.isFile()) continue;
        if (!FORMS.test(name) || /(?:^|\/)[._]/.test(name)) others++;
        else found.set(await realpath(path), new LocalFile(path, below.size));
      }
    }
  }
  return { files: [...found.values()], others };
}

/** A file by its name. @throws {UsageError} where there is none. */
export async function openSource(place: string): Promise<SourceFile> {
  const { size } = await statOf(place);
  return new LocalFile(place, size);
}

async function statOf(place: string) {
  return await stat(place).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`There is no file or folder ${place} to import: ${error.code}`);
  });
}
