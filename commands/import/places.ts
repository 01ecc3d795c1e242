import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { isObjectUrl, locationOf } from '../../base/objects/location.ts';
import { ObjectStore } from '../../base/objects/object-store.ts';
import { ObjectFile } from './object-file.ts';
import { LocalFile, type SourceFile, UnreadableFile } from './source-file.ts';

const FORMS = /\.(?:csv|tsv|txt|json|jsonl|ndjson)(?:\.gz)?$|\.parquet$/i;
/** Such as `.DS_Store` and `_SUCCESS`: what programs leave beside their files. */
const LEFTOVER = /(?:^|\/)[._]/;

/** Files to import, and how many others lie there. */
export interface Found {
  files: SourceFile[];
  /** Files of folders whose names are not those of measurements. */
  others: number;
}

/** Finds files on this machine and in object storage. What it has opened there is closed with it. */
export class Places implements Disposable {
  readonly #config: Config;
  readonly #stores = new Map<string, ObjectStore>();

  /** @param config names the object storage (ARCHIVE_*), as the archive does. */
  constructor(config: Config) {
    this.#config = config;
  }

  [Symbol.dispose](): void {
    for (const store of this.#stores.values()) store[Symbol.dispose]();
  }

  /**
   * The files of folders and of prefixes in object storage, and files, in the order of their names.
   * @param except a file that is none of them.
   * @throws {UsageError} where there is nothing of a name.
   */
  async find(places: readonly string[], except?: string): Promise<Found> {
    const found = new Map<string, SourceFile>();
    let others = 0;
    for (const place of places) {
      for await (const { file, at, below } of isObjectUrl(place) ? this.#objects(place) : localFiles(place)) {
        if (below !== '' && (!FORMS.test(below) || LEFTOVER.test(below))) others++;
        else if (!found.has(at)) found.set(at, file);
      }
    }
    if (except !== undefined) found.delete(isObjectUrl(except) ? except : await realpath(except));
    return { files: [...found.values()], others };
  }

  /** One file. @throws {UsageError} where there is none. */
  async open(place: string): Promise<SourceFile> {
    if (!isObjectUrl(place)) return new LocalFile(place, (await statOf(place)).size);
    const { store, prefix } = await this.#storeOf(place);
    const head = await store.head(prefix);
    if (head === undefined) throw new UsageError(`There is no object ${place}.`);
    return new ObjectFile(store, prefix, head.size);
  }

  async *#objects(place: string): AsyncGenerator<Candidate> {
    const { store, prefix } = await this.#storeOf(place);
    let isEmpty = true;
    for await (const { key, size } of store.list(prefix)) {
      const below = key.slice(prefix.length).replace(/^\//, '');
      // A key that ends in a slash is a folder, as some programs make them.
      if (key.endsWith('/') || !(key === prefix || prefix === '' || key.startsWith(`${prefix}/`))) continue;
      isEmpty = false;
      const file = new ObjectFile(store, key, size);
      yield { file, at: file.name, below };
    }
    if (isEmpty) throw new UsageError(`There is no object ${place}, and none below it.`);
  }

  async #storeOf(place: string): Promise<{ store: ObjectStore; prefix: string }> {
    const { bucket, prefix } = locationOf(place);
    if (bucket === '') throw new UsageError(`${place} names no bucket; it must be s3://bucket/prefix.`);
    const store = this.#stores.get(bucket) ?? (await ObjectStore.open(this.#config, `s3://${bucket}`));
    this.#stores.set(bucket, store);
    return { store, prefix };
  }
}

interface Candidate {
  file: SourceFile;
  /** Tells it from all others. */
  at: string;
  /** Its name below the folder; '': it was named itself. */
  below: string;
}

async function* localFiles(place: string): AsyncGenerator<Candidate> {
  const { size, ...there } = await statOf(place);
  if (!there.isDirectory) {
    yield { file: new LocalFile(place, size), at: await realpath(place), below: '' };
    return;
  }
  yield* filesBelow(place, '', new Set());
}

/**
 * The files of a folder and of those below it, in the order of their names. Links are followed; what cannot be is a file that
 * cannot be read.
 * @param seen the real paths of the folders above it, and of those before it.
 */
async function* filesBelow(folder: string, prefix: string, seen: Set<string>): AsyncGenerator<Candidate> {
  let names: string[];
  try {
    const real = await realpath(folder);
    if (seen.has(real)) return;
    seen.add(real);
    names = (await readdir(folder)).sort();
  } catch (error) {
    // Whatever is in it, somebody wanted it.
    yield { file: new UnreadableFile(folder, error), at: folder, below: '' };
    return;
  }
  for (const name of names) {
    const [path, below] = [join(folder, name), join(prefix, name)];
    try {
      const found = await stat(path);
      if (found.isDirectory()) yield* filesBelow(path, below, seen);
      else if (found.isFile())
        yield { file: new LocalFile(path, found.size), at: await realpath(path), below };
    } catch (error) {
      yield { file: new UnreadableFile(path, error), at: path, below };
    }
  }
}

async function statOf(place: string): Promise<{ size: number; isDirectory: boolean }> {
  const found = await stat(place).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`There is no file or folder ${place} to import: ${error.code}`);
  });
  return { size: found.size, isDirectory: found.isDirectory() };
}
