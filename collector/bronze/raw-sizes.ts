import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '../../base/in-parallel.ts';
import { gunzippedLength } from './gzip-file.ts';
import { compressedPath, type RawFileName } from './raw-file-name.ts';
import { walkRawFolder } from './raw-folder.ts';

const PARALLEL = 32;

/** What is written while sizes are looked up. */
interface Writing {
  /** Files that a group was or is written to: what the file system says of them may not count. Below the data folder. */
  touched: Set<string>;
  /** Up to where files have become durable, by their keys. */
  durable: Map<string, number>;
}

/**
 * Up to where each raw file is durable, in bytes of its text, whether it is compressed or not; by its key. Looked up in the
 * file system each time, some files at a time: a year of many sensors has hundreds of thousands of them, and nobody asks
 * but a loader that has just connected.
 */
export class RawSizes {
  readonly #dataDir: string;
  readonly #onDamage: (key: string, error: Error) => void;
  readonly #watching = new Set<Writing>();
  #group: Iterable<string> = [];
  /** Files that could not be read when they were last asked for, by key, and why. */
  readonly damaged = new Map<string, string>();

  /** @param onDamage called for each file that cannot be read; it is left out. */
  constructor(dataDir: string, onDamage: (key: string, error: Error) => void) {
    this.#dataDir = dataDir;
    this.#onDamage = onDamage;
  }

  /** A group begins to be written. @param paths of its files, below the data folder. */
  begin(paths: Iterable<string>): void {
    this.#group = paths;
    for (const { touched } of this.#watching) for (const path of paths) touched.add(path);
  }

  /** The group is on disk, or cut from all its files. */
  end(): void {
    this.#group = [];
  }

  /** A file has become durable up to `size`. */
  note(key: string, size: number): void {
    for (const { durable } of this.#watching) durable.set(key, size);
  }

  /**
   * All sizes, in pages. A page says what is durable in the moment in which it is yielded; the last one has what was written
   * since the first.
   * @param between runs a task while nothing is written.
   * @param trusted up to where a file (a path below the data folder) is whole, if that is less than what the file system says.
   */
  async *pages(
    between: <T>(task: () => Promise<T>) => Promise<T>,
    trusted: (path: string) => number | undefined,
  ): AsyncGenerator<Map<string, number>> {
    this.damaged.clear();
    const writing: Writing = { touched: new Set(this.#group), durable: new Map() };
    this.#watching.add(writing);
    try {
      for await (const entries of walkRawFolder(this.#dataDir)) {
        const files = entries.filter(({ form }) => form !== 'marks');
        // A file whose forms are being exchanged may be there in both.
        const names = new Map(files.map(({ name }) => [name.key, name]));
        const page = new Map<string, number>();
        const look = (name: RawFileName) => this.#look(page, name, trusted);
        await inParallel(names.values(), PARALLEL, look);
        await between(async () => {
          const touched = [...names.values()].filter(({ path }) => writing.touched.has(path));
          await inParallel(touched, PARALLEL, look);
        });
        yield page;
      }
      yield await between(async () => new Map(writing.durable));
    } finally {
      this.#watching.delete(writing);
    }
  }

  async #look(
    page: Map<string, number>,
    { key, path }: RawFileName,
    trusted: (path: string) => number | undefined,
  ): Promise<void> {
    const full = join(this.#dataDir, path);
    try {
      const plain = trusted(path) ?? (await stat(full).catch(ignoreMissing))?.size;
      page.set(key, plain ?? (await gunzippedLength(compressedPath(full))));
    } catch (error) {
      page.delete(key);
      // Made plain, or removed, in this moment: whoever writes it reports what is durable of it.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.damaged.set(key, (error as Error).message);
      this.#onDamage(key, error as Error);
    }
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
