import { copyFile, link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ObjectDamagedError } from '../../../base/objects/error.ts';
import type { ObjectStore } from '../../../base/objects/object-store.ts';
import { firstLineOf } from '../../bronze/first-line.ts';
import { compressedPath, lateMarksPath, RawFileName, rawFolder } from '../../bronze/raw-file-name.ts';
import { lookAt, type StandingFile } from '../../bronze/raw-folder.ts';
import { firstLineHash, keyOfEntry } from '../../silver/ledger.ts';
import { download } from '../archive/download.ts';
import { ObjectName } from '../archive/object-name.ts';
import { provableFactsOf, readMarks } from '../archive/proof.ts';
import type { Undecoded } from './lake-ledger.ts';

export interface SourceFileOptions {
  store: ObjectStore;
  /** The data folder, and its collector. */
  dataDir: string;
  collector: string;
  /** For files that are downloaded. */
  spool: string;
}

/** A raw file as it is archived, on the disk: to be disposed of when it is read. */
export interface SourceFile extends AsyncDisposable {
  path: string;
  /** The folder in which the file before it stands as well, where that may say what the broker sent again. */
  folder: string;
}

/**
 * The file of an archived object: the one of the data folder where it is still there and the same, else downloaded and proven.
 * @throws {ObjectDamagedError} {ObjectStoreError}; errors of the disk.
 */
export async function openSource(options: SourceFileOptions, wanted: Undecoded): Promise<SourceFile> {
  const { dataDir, spool } = options;
  const name = RawFileName.ofKey(keyOfEntry(wanted.path));
  if (name === undefined) throw new Error(`${wanted.path} is not the name of a raw file`);
  const own = await standing(options, wanted, name);
  const before = name.holdsEnvelopes ? await standing(options, wanted, name.before, false) : undefined;
  if (own !== undefined && (!name.holdsEnvelopes || before !== undefined))
    return { path: formOf(own), folder: rawFolder(dataDir), [Symbol.asyncDispose]: async () => undefined };

  await mkdir(spool, { recursive: true });
  const folder = await mkdtemp(join(spool, 'source-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const { store } = options;
    const path = own === undefined ? join(folder, compressedPath(name.key)) : await stand(own, folder);
    if (own === undefined) await bring(store, wanted.archiveKey, path);
    if (before !== undefined) await stand(before, folder);
    else if (name.holdsEnvelopes) await bringBefore(store, wanted.archiveKey, name, folder);
    return { path, folder, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A file of the data folder. @param mustBe it has to be the archived one, to its end. */
async function standing(
  { dataDir, collector }: SourceFileOptions,
  { collector: ofWhom, path, firstLineHash: hash, archivedBytes }: Undecoded,
  name: RawFileName,
  mustBe = true,
): Promise<StandingFile | undefined> {
  if (ofWhom !== collector) return undefined;
  const file = await lookAt(dataDir, name);
  if (file === undefined || !mustBe) return file;
  const first = firstLineOf(file.path, file.bytes);
  const isIt = path === name.key && first !== undefined && firstLineHash(first) === hash;
  return isIt && file.bytes >= archivedBytes ? file : undefined;
}

/** Path of the form that there is. */
function formOf({ path, compressed }: StandingFile): string {
  return compressed ? compressedPath(path) : path;
}

/** Lets a file of the data folder stand in another one as well. @returns its path there. */
async function stand(file: StandingFile, folder: string): Promise<string> {
  const from = formOf(file);
  const to = join(folder, basename(from));
  await link(from, to).catch(error => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    // Not every file system has links.
    return copyFile(from, to);
  });
  return to;
}

/** Downloads an object, with its marks for late lines. @param path of its compressed form. */
async function bring(store: ObjectStore, key: string, path: string): Promise<void> {
  const head = await store.head(key);
  if (head === undefined)
    throw new ObjectDamagedError(
      store.url(key),
      'is not there any more; sluice verify --archive shows what else is missing',
    );
  const facts = provableFactsOf(store, key, head);
  if (facts === undefined) throw new ObjectDamagedError(store.url(key), 'is none of an archive');
  await download(store, key, head, facts, path);
  const marks = await readMarks(store, facts);
  if (marks !== undefined) await writeFile(lateMarksPath(path), marks);
}

/** Downloads the file before, where there is one. */
async function bringBefore(
  store: ObjectStore,
  key: string,
  name: RawFileName,
  folder: string,
): Promise<void> {
  const { collector, part } = ObjectName.parse(key)!;
  const { before } = name;
  const beforeKey = new ObjectName(collector, before.date, before.key, part).key;
  const head = await store.head(beforeKey);
  if (head !== undefined) await bring(store, beforeKey, join(folder, compressedPath(before.key)));
}
