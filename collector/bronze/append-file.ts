import fs, { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';

// Numbers instead of FileHandles: those took 4 KB more for each open file, and a fifth more CPU of the main thread.
const openFile = promisify(fs.open);
const closeFile = promisify(fs.close);
const statFile = promisify(fs.fstat);
const readFile = promisify(fs.read);
const cutFile = promisify(fs.ftruncate);

const LF = 0x0a;
const TAIL_BLOCK = 64 * 1024;
const LOOK_EVERY_MS = 5000;
const OPEN = constants.O_RDWR | constants.O_APPEND;
/** Readings are nobody else's business on a shared machine; the umask may take more away. */
export const FILE_MODE = 0o640;

/** How to open a file that may be there: see `AppendFile.open`. */
export interface OpenOptions {
  trusted?: number | undefined;
  onCut?: (bytes: number) => void;
  bringBack?: () => Promise<boolean>;
  isContested?: boolean;
}

/**
 * A file that grows by whole lines. `size` counts what is written and synced.
 *
 * Whoever has the data folder's lock is the only writer, so positions are ours to count. But a former holder that was
 * suspended may wake and write once more (and then stop, without having acknowledged it): so lines are appended where the
 * file ends, and never over others; where that may happen (`isContested`), the file is asked for its size.
 */
export class AppendFile {
  readonly created: boolean;
  size: number;
  readonly #descriptor: number;
  readonly #isContested: boolean;
  #lookedAt = performance.now();

  private constructor(descriptor: number, size: number, created: boolean, isContested: boolean) {
    this.#descriptor = descriptor;
    this.#isContested = isContested;
    this.size = size;
    this.created = created;
  }

  /**
   * Opens or makes the file, and cuts what a crash left behind the last line end.
   * @param trusted where the file is known to be whole only up to some byte, that byte: the rest is cut as well.
   * @param onCut told how many bytes of a torn line were cut.
   * @param bringBack asked before a file is made: true when it is there now.
   * @param isContested somebody else may write to it.
   */
  static async open(
    path: string,
    { trusted, onCut, bringBack, isContested = false }: OpenOptions = {},
  ): Promise<AppendFile> {
    const { descriptor, created } = await openOrCreate(path, bringBack);
    if (created) return new AppendFile(descriptor, 0, true, isContested);
    try {
      const { size } = await statFile(descriptor);
      const whole = await endOfLastLine(descriptor, Math.min(size, trusted ?? size));
      if (whole < size) {
        await cutFile(descriptor, whole);
        if (trusted === undefined) onCut?.(size - whole);
      }
      return new AppendFile(descriptor, whole, false, isContested);
    } catch (error) {
      await closeFile(descriptor).catch(() => undefined);
      throw error;
    }
  }

  /** Appends whole lines and makes them durable; after an error nothing behind `size` is to be trusted. */
  async append(lines: Buffer): Promise<void> {
    if (this.#isContested) await this.#passForeignLines();
    let written = 0;
    // A write may be short without an error; the next one then says why.
    while (written < lines.length) written += await this.#write(lines, written);
    // fdatasync also writes the length, as it is needed to read the data back.
    await this.#sync();
    this.size += lines.length;
    if (this.#isContested) this.size = await this.#wholeSize();
  }

  /** Somebody else may have written meanwhile: a line that it left torn is ended, and is a bad line of its own. */
  async #passForeignLines(): Promise<void> {
    const { size } = await statFile(this.#descriptor);
    if (size > (await this.#wholeSize())) await this.#write(Buffer.of(LF), 0);
    this.size = await this.#wholeSize();
  }

  /** Up to where the file holds whole lines. */
  async #wholeSize(): Promise<number> {
    const { size } = await statFile(this.#descriptor);
    return endOfLastLine(this.#descriptor, size);
  }

  /** Whether it is time to ask again whether the file is still there. */
  get isToBeLookedAt(): boolean {
    return performance.now() - this.#lookedAt >= LOOK_EVERY_MS;
  }

  /** Whether somebody has deleted the file, so that what is appended would be in no folder. */
  async isDeleted(): Promise<boolean> {
    this.#lookedAt = performance.now();
    return (await statFile(this.#descriptor)).nlink === 0;
  }

  /** Cuts the file at `size`. */
  async cut(size: number): Promise<void> {
    await cutFile(this.#descriptor, size);
    this.size = size;
  }

  close(): Promise<void> {
    return closeFile(this.#descriptor);
  }

  /** Writes the lines from byte `from` on. @returns how many bytes were written. */
  #write(lines: Buffer, from: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.write(this.#descriptor, lines, from, lines.length - from, null, (error, written) =>
        error ? reject(error) : resolve(written),
      );
    });
  }

  #sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#descriptor, error => (error ? reject(error) : resolve()));
    });
  }
}

async function openOrCreate(
  path: string,
  bringBack: () => Promise<boolean> = async () => false,
): Promise<{ descriptor: number; created: boolean }> {
  try {
    return { descriptor: await openFile(path, OPEN), created: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (await bringBack()) return { descriptor: await openFile(path, OPEN), created: false };
    return {
      descriptor: await openFile(path, OPEN | constants.O_CREAT | constants.O_EXCL, FILE_MODE),
      created: true,
    };
  }
}

/** Where the last whole line of the first `size` bytes ends; 0 when there is none. */
async function endOfLastLine(descriptor: number, size: number): Promise<number> {
  const block = Buffer.alloc(TAIL_BLOCK);
  // One byte tells in the common case that nothing is torn.
  for (let end = size, length = 1; end > 0; end -= length, length = TAIL_BLOCK) {
    const start = Math.max(0, end - length);
    const { bytesRead } = await readFile(descriptor, block, 0, end - start, start);
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
