import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { GzipFileError, writeGunzipped } from '../bronze/gzip-file.ts';
import { compressedPath, uncompressedCopyPath } from '../bronze/raw-file-name.ts';
import type { LoaderLog } from './protocol.ts';

/**
 * The compressed ones among the raw files that are to be loaded, after an old dump was restored, say. They are decompressed
 * beside themselves one after the other, and what was decompressed goes when it is loaded: the compressed form stays the truth,
 * and a year of them takes the room of one.
 */
export class CompressedFiles {
  readonly #folder: string;
  readonly #log: LoaderLog;
  readonly #compressed = new Set<string>();
  readonly #damaged = new Set<string>();
  /** The file that is decompressed. */
  #current: string | undefined;
  #decompressing: Promise<void> | undefined;

  constructor(folder: string, log: LoaderLog) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Where the text of a file is to be read; undefined while it waits to be decompressed. */
  pathOf(file: string): string | undefined {
    if (!this.#compressed.has(file)) return join(this.#folder, file);
    return this.#current === file ? this.#decompressedPath(file) : undefined;
  }

  /** Notes that a file was not where it should be read. @returns whether it is there in another form. */
  isThere(file: string): boolean {
    const path = join(this.#folder, file);
    if (this.#current === file) this.#current = undefined;
    if (this.#damaged.has(file)) return false;
    if (existsSync(compressedPath(path))) this.#compressed.add(file);
    // It may have been made plain between the two looks.
    else if (existsSync(path)) this.#compressed.delete(file);
    else return false;
    return true;
  }

  /** Unpacks the next file, where one waits and none is decompressed. @throws errors of the disk. */
  decompress(): Promise<void> {
    if (this.#current !== undefined || this.#compressed.size === 0) return Promise.resolve();
    this.#decompressing ??= this.#decompressNext().finally(() => {
      this.#decompressing = undefined;
    });
    return this.#decompressing;
  }

  /** A file is loaded, or plain again. */
  release(file: string): void {
    if (!this.#compressed.delete(file)) return;
    if (this.#current !== file) return;
    this.#current = undefined;
    rmSync(this.#decompressedPath(file), { force: true });
  }

  /** Forgets all of them. */
  clear(): void {
    for (const file of this.#compressed) this.release(file);
    this.#damaged.clear();
  }

  async #decompressNext(): Promise<void> {
    const [file] = this.#compressed;
    const target = this.#decompressedPath(file!);
    try {
      await writeGunzipped(compressedPath(join(this.#folder, file!)), target);
      if (this.#compressed.has(file!)) this.#current = file;
      else rmSync(target, { force: true });
    } catch (error) {
      rmSync(target, { force: true });
      // What comes next looks for it anew: it may be plain by now.
      this.#compressed.delete(file!);
      if (error instanceof GzipFileError) {
        this.#damaged.add(file!);
        this.#log.error({ file, reason: error.message }, 'a compressed raw file cannot be read to its end');
      } else if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  /** A temporary name: the recorder removes what a crash leaves of it. */
  #decompressedPath(file: string): string {
    return uncompressedCopyPath(join(this.#folder, file));
  }
}
