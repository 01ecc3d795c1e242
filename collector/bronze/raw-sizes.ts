import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '../../base/in-parallel.ts';
import { gunzippedLength } from './gzip-file.ts';
import { compressedPath } from './raw-file-name.ts';
import { listRawFiles } from './raw-folder.ts';

const PARALLEL = 32;

/**
 * Up to where each raw file is durable, in bytes of its text, whether it is compressed or not; by its key. Listed when first
 * asked for, kept up by whoever writes.
 */
export class RawSizes {
  readonly #dataDir: string;
  readonly #onDamage: (error: Error) => void;
  #sizes: Map<string, number> | undefined;

  /** @param onDamage called for each file that cannot be read; it is left out. */
  constructor(dataDir: string, onDamage: (error: Error) => void) {
    this.#dataDir = dataDir;
    this.#onDamage = onDamage;
  }

  set(key: string, size: number): void {
    this.#sizes?.set(key, size);
  }

  delete(key: string): void {
    this.#sizes?.delete(key);
  }

  /**
   * The lengths of compressed files; a file whose plain form is there as well is none. To be called before `all`, so that
   * nobody has to wait for thousands of files.
   * @param known lengths that need not be read again.
   */
  async compressed(known: ReadonlyMap<string, number> = new Map()): Promise<Map<string, number>> {
    if (this.#sizes !== undefined) return new Map();
    const files = [...(await listRawFiles(this.#dataDir)).values()].filter(({ plain }) => !plain);
    const sizes = new Map<string, number>();
    await inParallel(files, PARALLEL, async ({ name: { key, path } }) => {
      const size = known.get(key) ?? (await this.#lengthOf(path));
      if (size !== undefined) sizes.set(key, size);
    });
    return sizes;
  }

  /**
   * All sizes. Nothing may be written meanwhile, the first time.
   * @param compressed what `compressed` has given.
   * @param trusted up to where a file (a path below the data folder) is whole, if that is less than what the file system says.
   */
  async all(
    compressed: ReadonlyMap<string, number>,
    trusted: (path: string) => number | undefined,
  ): Promise<Map<string, number>> {
    if (this.#sizes !== undefined) return this.#sizes;
    const sizes = await this.compressed(compressed);
    const files = [...(await listRawFiles(this.#dataDir)).values()].filter(({ plain }) => plain);
    await inParallel(files, PARALLEL, async ({ name: { key, path } }) => {
      try {
        sizes.set(key, trusted(path) ?? (await stat(join(this.#dataDir, path))).size);
      } catch (error) {
        this.#onDamage(error as Error);
      }
    });
    this.#sizes = sizes;
    return sizes;
  }

  async #lengthOf(path: string): Promise<number | undefined> {
    try {
      return await gunzippedLength(compressedPath(join(this.#dataDir, path)));
    } catch (error) {
      // Made plain in this moment: `all`, between two groups, sees it as that.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      this.#onDamage(error as Error);
      return undefined;
    }
  }
}
