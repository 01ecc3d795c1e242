import { opendir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GzipFileError, gunzippedLength } from './gzip-file.ts';
import { compressedPath, type Form, RawFileName, rawFolder } from './raw-file-name.ts';

/** A raw file, and the forms in which it is there: both only while one is made of the other, or by another hand. */
export interface ListedFile {
  name: RawFileName;
  plain: boolean;
  compressed: boolean;
}

/** How a raw file stands in its folder. */
export interface StandingFile {
  name: RawFileName;
  /** Path of the plain form. */
  path: string;
  compressed: boolean;
  /** Length of its text. */
  bytes: number;
}

/** An entry of the raw folder that belongs to a raw file: one of its forms, or its marks. */
export interface FolderEntry {
  name: RawFileName;
  form: Form | 'marks';
}

const PAGE_ENTRIES = 1000;

/**
 * What the raw folder of a data folder holds of raw files, some at a time and in no order: of a folder that has hundreds of
 * thousands nobody needs to hold a list.
 */
export async function* walkRawFolder(dataDir: string): AsyncGenerator<FolderEntry[]> {
  let page: FolderEntry[] = [];
  for await (const entry of await opendir(rawFolder(dataDir), { bufferSize: PAGE_ENTRIES })) {
    // A folder that has such a name is somebody's mistake, and no file.
    const parsed = entry.isDirectory() ? undefined : RawFileName.parseEntry(entry.name);
    if (parsed !== undefined) page.push(parsed);
    if (page.length < PAGE_ENTRIES) continue;
    yield page;
    page = [];
  }
  yield page;
}

/**
 * The raw files that are there in both forms: while one is made of the other, or by another hand. Of two folders' worth of
 * names only those of the rarer form are held.
 */
export async function* inBothForms(dataDir: string): AsyncGenerator<RawFileName> {
  const count = { plain: 0, compressed: 0, marks: 0 };
  for await (const entries of walkRawFolder(dataDir)) for (const { form } of entries) count[form]++;
  const [rarer, other] =
    count.plain < count.compressed ? (['plain', 'compressed'] as const) : (['compressed', 'plain'] as const);
  if (count[rarer] === 0) return;
  const keys = new Set<string>();
  for await (const entries of walkRawFolder(dataDir))
    for (const { name, form } of entries) if (form === rarer) keys.add(name.key);
  for await (const entries of walkRawFolder(dataDir))
    for (const { name, form } of entries) if (form === other && keys.has(name.key)) yield name;
}

/** The raw files of a data folder by their keys; what is not one is left out. */
export async function listRawFiles(dataDir: string): Promise<Map<string, ListedFile>> {
  const files = new Map<string, ListedFile>();
  for (const entry of await readdir(rawFolder(dataDir), { withFileTypes: true })) {
    const parsed = RawFileName.parse(entry.name);
    // A folder that has such a name is somebody's mistake, and no file.
    if (parsed === undefined || entry.isDirectory()) continue;
    const { name, form } = parsed;
    const file = files.get(name.key) ?? { name, plain: false, compressed: false };
    file[form] = true;
    files.set(name.key, file);
  }
  return files;
}

/** Looks at a raw file, in whatever form it is; undefined where it is not there, or cannot be read. */
export async function lookAt(dataDir: string, name: RawFileName): Promise<StandingFile | undefined> {
  const path = join(dataDir, name.path);
  try {
    const plain = await stat(path).catch(ignoreMissing);
    const bytes = plain?.size ?? (await gunzippedLength(compressedPath(path)));
    return { name, path, compressed: plain === undefined, bytes };
  } catch (error) {
    if (error instanceof GzipFileError || (error as NodeJS.ErrnoException).code === 'ENOENT')
      return undefined;
    throw error;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
