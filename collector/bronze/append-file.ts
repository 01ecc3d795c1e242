import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const LF = 0x0a;
const TAIL_BLOCK = 64 * 1024;
const LOOK_EVERY_MS = 5000;

/**
 * A file that grows by whole lines. `size` counts what is written and synced.
 *
 * Whoever has the data folder's lock is the only writer, so positions are ours to count.
 */
export class AppendFile {
  readonly created: boolean;
  size: number;
  readonly #handle: FileHandle;
  #lookedAt = performance.now();

  private constructor(handle: FileHandle, size: number, created: boolean) {
    this.#handle = handle;
    this.size = size;
    this.created = created;
  }

  /**
   * Opens or makes the file, and cuts what a crash left behind the last line end.
   * @param trusted where the file is known to be whole only up to some byte, that byte: the rest is cut as well.
   * @param onCut told how many bytes of a torn line were cut.
   */
  static async open(path: string, trusted?: number, onCut?: (bytes: number) => void): Promise<AppendFile> {
    const { handle, created } = await openOrCreate(path);
    if (created) return new AppendFile(handle, 0, true);
    try {
      const { size } = await handle.stat();
      const whole = await endOfLastLine(handle, Math.min(size, trusted ?? size));
      if (whole < size) {
        await handle.truncate(whole);
        if (trusted === undefined) onCut?.(size - whole);
      }
      return new AppendFile(handle, whole, false);
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw error;
    }
  }

  /** Appends whole lines and makes them durable; after an error nothing behind `size` is to be trusted. */
  async append(lines: Buffer): Promise<void> {
    let written = 0;
    // A write may be short without an error; the next one then says why.
    while (written < lines.length) {
      const { bytesWritten } = await this.#handle.write(
        lines,
        written,
        lines.length - written,
        this.size + written,
      );
      written += bytesWritten;
    }
    // fdatasync also writes the length, as it is needed to read the data back.
    await this.#handle.datasync();
    this.size += lines.length;
  }

  /** Whether somebody has deleted the file, so that what is appended would be in no folder. Asks every few seconds. */
  async isDeleted(): Promise<boolean> {
    if (performance.now() - this.#lookedAt < LOOK_EVERY_MS) return false;
    this.#lookedAt = performance.now();
    return (await this.#handle.stat()).nlink === 0;
  }

  /** Cuts the file at `size`. */
  async cut(size: number): Promise<void> {
    await this.#handle.truncate(size);
    this.size = size;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function openOrCreate(path: string): Promise<{ handle: FileHandle; created: boolean }> {
  try {
    return { handle: await open(path, constants.O_RDWR), created: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return {
      handle: await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL),
      created: true,
    };
  }
}

/** Where the last whole line of the first `size` bytes ends; 0 when there is none. */
async function endOfLastLine(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(TAIL_BLOCK);
  // One byte tells in the common case that nothing is torn.
  for (let end = size, length = 1; end > 0; end -= length, length = TAIL_BLOCK) {
    const start = Math.max(0, end - length);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf(LF);
    if (at >= 0) return start + at + 1;
  }
  return 0;
}

/** Makes the entries of a folder durable: a new file survives a power cut only after this. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
