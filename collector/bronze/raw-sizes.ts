import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '../../base/in-parallel.ts';
import { archivePath } from './archive.ts';
import { GzipFileError, gunzippedLength } from './gzip-file.ts';
import { isRawFileName, uncompressedName } from './partition.ts';

const PARALLEL = 32;

/**
 * Up to where each raw file is durable, in bytes of its text, whether it is compressed or not. Listed when first asked for,
 * kept up by whoever writes.
 */
export class RawSizes {
  readonly #folder: string;
  readonly #onDamage: (error: Error) => void;
  #sizes: Map<string, number> | undefined;

  /** @param onDamage told of each compressed file that cannot be read; it is left out. */
  constructor(folder: string, onDamage: (error: Error) => void) {
    this.#folder = folder;
    this.#onDamage = onDamage;
  }

  set(file: string, size: number): void {
    this.#sizes?.set(file, size);
  }

  delete(file: string): void {
    this.#sizes?.delete(file);
  }

  /**
   * The lengths of compressed files by the names of their plain forms; a file whose plain form is there as well is none. To
   * be called before `all`, so that nobody has to wait for thousands of files.
   * @param known lengths that need not be read again.
   */
  async archived(known: ReadonlyMap<string, number> = new Map()): Promise<Map<string, number>> {
    if (this.#sizes !== undefined) return new Map();
    const names = new Set(await readdir(this.#folder));
    const archived = [...names]
      .filter(name => name !== uncompressedName(name))
      .map(uncompressedName)
      .filter(name => isRawFileName(name) && !names.has(name));
    const sizes = new Map<string, number>();
    await inParallel(archived, PARALLEL, async name => {
      const size = known.get(name) ?? (await this.#lengthOf(name));
      if (size !== undefined) sizes.set(name, size);
    });
    return sizes;
  }

  /**
   * All sizes. Nothing may be written meanwhile, the first time.
   * @param archived what `archived` has given.
   * @param trusted up to where a file is whole, if that is less than what the file system says.
   */
  async all(
    archived: ReadonlyMap<string, number>,
    trusted: (file: string) => number | undefined,
  ): Promise<Map<string, number>> {
    if (this.#sizes !== undefined) return this.#sizes;
    const sizes = await this.archived(archived);
    const names = (await readdir(this.#folder)).filter(isRawFileName);
    await inParallel(names, PARALLEL, async name => {
      sizes.set(name, trusted(`raw/${name}`) ?? (await stat(join(this.#folder, name))).size);
    });
    this.#sizes = sizes;
    return sizes;
  }

  async #lengthOf(name: string): Promise<number | undefined> {
    try {
      return await gunzippedLength(archivePath(join(this.#folder, name)));
    } catch (error) {
      // Made plain in this moment: `all`, between two groups, sees it as that.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      if (!(error instanceof GzipFileError)) throw error;
      this.#onDamage(error);
      return undefined;
    }
  }
}
