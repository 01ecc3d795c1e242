import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { GzipFileError, writeGunzipped } from '../bronze/gzip-file.ts';
import { compressedPath, uncompressedCopyPath } from '../bronze/raw-file-name.ts';
import type { BacklogFile } from './backlog-file.ts';

/**
 * The compressed ones among the raw files that are to be loaded, after an old dump was restored, say. They are decompressed
 * beside themselves one after the other, and what was decompressed goes when it is loaded: the compressed form stays the
 * truth, and a year of them takes the room of one.
 */
export class Decompression {
  readonly #folder: string;
  /** The file whose text is there. */
  #current: BacklogFile | undefined;
  #running: Promise<void> | undefined;

  /** @param folder of the raw files. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where the text of a file is to be read; undefined while it waits to be decompressed. */
  pathOf(file: BacklogFile): string | undefined {
    if (!file.isCompressed) return join(this.#folder, file.key);
    return this.#current === file ? this.#copyOf(file) : undefined;
  }

  /** Looks for a file that was not where it should be read. @returns whether it is there, in the form that is noted now. */
  find(file: BacklogFile): boolean {
    const path = join(this.#folder, file.key);
    if (this.#current === file) this.#current = undefined;
    const isCompressed = existsSync(compressedPath(path));
    // It may have been made plain between the two looks.
    if (!isCompressed && !existsSync(path)) return false;
    file.isCompressed = isCompressed;
    return true;
  }

  /**
   * Decompresses the next of these files, where one waits and none is there.
   * @param failed what cannot be read to its end, and why.
   */
  next(files: Iterable<BacklogFile>, failed: (file: BacklogFile, error: Error) => void): Promise<void> {
    if (this.#running !== undefined) return this.#running;
    if (this.#current !== undefined) return Promise.resolve();
    for (const file of files) {
      if (!file.isCompressed || file.trouble !== undefined) continue;
      this.#running = this.#decompress(file, failed).finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    return Promise.resolve();
  }

  /** A file is loaded, or plain again, or not wanted any more. */
  release(file: BacklogFile): void {
    file.isCompressed = false;
    if (this.#current !== file) return;
    this.#current = undefined;
    rmSync(this.#copyOf(file), { force: true });
  }

  async #decompress(file: BacklogFile, failed: (file: BacklogFile, error: Error) => void): Promise<void> {
    const target = this.#copyOf(file);
    try {
      await writeGunzipped(compressedPath(join(this.#folder, file.key)), target);
      if (file.isCompressed) this.#current = file;
      else rmSync(target, { force: true });
    } catch (error) {
      rmSync(target, { force: true });
      // Whoever reads it next looks for it anew: it may be plain by now.
      file.isCompressed = false;
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') failed(file, error as Error);
    }
  }

  /** A temporary name: the recorder removes what a crash leaves of it. */
  #copyOf(file: BacklogFile): string {
    return uncompressedCopyPath(join(this.#folder, file.key));
  }
}

/** Whether a compressed file is damaged, which no waiting mends. */
export function isDamage(error: Error): boolean {
  return error instanceof GzipFileError;
}
