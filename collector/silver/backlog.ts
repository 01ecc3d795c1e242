import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { firstLineOf } from '../bronze/first-line.ts';
import { type LateMark, readLateMarks } from '../bronze/late-marks.ts';
import { readLines } from '../bronze/line-reader.ts';
import type { Block } from './block.ts';
import type { LoadedTo } from './block-store.ts';
import { CompressedFiles } from './compressed-files.ts';
import { firstLineHash, type LedgerEntry, readLedger, setEntryAside } from './ledger.ts';
import type { LoaderLog } from './protocol.ts';
import { Watermark } from './watermark.ts';

/** How far a file is loaded. */
interface Loaded {
  bytes: number;
  /** The newest second (since 1970) that was recorded before that, where one is known. */
  newest: number | undefined;
}

/** How far a file is loaded and durable, in bytes, and what marks stand beside the lines between. */
interface Position {
  loaded: Loaded;
  durable: number;
  marks: LateMark[];
}

const nothing: Loaded = { bytes: 0, newest: undefined };

/** A file is not the one that was loaded under its name: what we know of it is to be compared with the ledger again. */
export class FileReplacedError extends Error {
  constructor(file: string) {
    super(`The raw file ${file} has begun anew or was cut; comparing the files with the ledger again.`);
    this.name = 'FileReplacedError';
  }
}

/** From one file at a time no more than this, so that a large backlog of one sensor does not hold up the others. */
const FILE_BYTES = 1024 * 1024;

/**
 * The raw files that hold durable lines which are not in the database yet. Holds offsets, never lines, so that a
 * database which is away for a day costs no memory.
 */
export class Backlog {
  readonly #folder: string;
  readonly #collector: string;
  readonly #log: LoaderLog;
  readonly #lateMinutes: number;
  /** Files with something to load. Insertion order is the order in which they are served. */
  readonly #pending = new Map<string, Position>();
  /** Files that are loaded as far as they are durable, as of the last synchronisation. */
  readonly #loaded = new Map<string, Loaded>();
  /** Files that have begun and are not known to be loaded from their beginning: an entry of the ledger may not be theirs. */
  readonly #begun = new Set<string>();
  /** A file that is not the one that was loaded under its name. */
  #replaced: string | undefined;
  readonly #compressed: CompressedFiles;
  /** Every batch is read into the same memory: fresh memory for each stays until the garbage collector sees a reason. */
  #memory = Buffer.alloc(0);
  #used = 0;

  /** @param lateMinutes see `Watermark`. */
  constructor(folder: string, collector: string, log: LoaderLog, lateMinutes: number) {
    this.#folder = folder;
    this.#collector = collector;
    this.#log = log;
    this.#lateMinutes = lateMinutes;
    this.#compressed = new CompressedFiles(folder, log);
  }

  /** Bytes that are durable and not loaded. */
  get bytes(): number {
    let sum = 0;
    // A file that was replaced by a shorter one is pending as well: looking at it is how we find out.
    for (const { loaded, durable } of this.#pending.values()) sum += Math.max(1, durable - loaded.bytes);
    return sum;
  }

  /**
   * Notes that a file has become durable up to `size`.
   * @param anew it begins with what is new.
   * @param marks those that stand beside what is new.
   */
  grow(file: string, size: number, anew = false, marks: LateMark[] = []): void {
    const position = this.#pending.get(file);
    const loaded = this.#loaded.get(file) ?? position?.loaded ?? nothing;
    this.#compressed.release(file);
    if (anew) this.#begun.add(file);
    // What was loaded under its name was of another file, which somebody has deleted.
    if (anew && loaded.bytes > 0) this.#replaced = file;
    if (position === undefined) this.#pending.set(file, { loaded, durable: size, marks });
    else {
      position.durable = size;
      position.marks.push(...marks);
    }
  }

  /**
   * Compares the files with the ledger: on a new connection, and when the ledger has moved by another hand. What has
   * grown since the snapshot was taken is kept.
   * @param snapshot every raw file and up to where it is durable.
   */
  async synchronise(client: ClientBase, snapshot: ReadonlyMap<string, number>): Promise<void> {
    const ledger = await readLedger(client, this.#collector);
    // Nothing is awaited until all positions are set, so that no message about a grown file falls between.
    const durable = new Map(snapshot);
    for (const [file, position] of this.#pending) {
      durable.set(file, Math.max(durable.get(file) ?? 0, position.durable));
    }
    this.#pending.clear();
    this.#loaded.clear();
    this.#compressed.clear();
    this.#replaced = undefined;
    const replaced: string[] = [];
    for (const [file, size] of durable) {
      const entry = ledger.get(file);
      let loaded = entry === undefined ? nothing : { bytes: entry.bytes, newest: entry.newest };
      if (entry !== undefined && this.#isAnotherFile(file, size, entry)) {
        replaced.push(file);
        loaded = nothing;
      }
      if (loaded.bytes >= size) this.#loaded.set(file, loaded);
      else this.#pending.set(file, { loaded, durable: size, marks: this.#marksOf(file, loaded, size) });
    }
    for (const file of replaced)
      await this.#startAfresh(client, file, ledger.get(file)?.removedAt !== undefined);
  }

  /**
   * Reads whole lines, about `maxBytes` of them, file by file. Nothing moves before `advance`.
   * @returns blocks whose bytes are overwritten by the next call.
   */
  read(maxBytes: number): Block[] {
    if (this.#replaced !== undefined) throw new FileReplacedError(this.#replaced);
    const blocks: Block[] = [];
    let left = maxBytes;
    if (this.#memory.length < maxBytes) this.#memory = Buffer.allocUnsafeSlow(maxBytes);
    this.#used = 0;
    for (const [file, { loaded, durable, marks }] of this.#pending) {
      if (left <= 0) break;
      // Shorter than what was loaded of it: somebody has cut it.
      if (durable < loaded.bytes) throw new FileReplacedError(file);
      const bytes = this.#readFile(file, loaded, durable, Math.min(FILE_BYTES, left));
      if (bytes === undefined) continue;
      const watermark = new Watermark({ lateMinutes: this.#lateMinutes, newest: loaded.newest, marks });
      blocks.push({ file, start: loaded.bytes, bytes, watermark });
      left -= bytes.length;
      this.#used += bytes.length;
    }
    return blocks;
  }

  /** Unpacks a compressed file, where one is pending; the next `read` has its lines. @throws errors of the disk. */
  decompress(): Promise<void> {
    return this.#compressed.decompress();
  }

  /** Memory for a block. A line that is longer than all that is left gets some of its own. */
  #allocate(bytes: number): Buffer {
    const end = this.#used + bytes;
    return end <= this.#memory.length
      ? this.#memory.subarray(this.#used, end)
      : Buffer.allocUnsafeSlow(bytes);
  }

  /** @returns undefined where the file has nothing that can be loaded: it is left out, and the others go on. */
  #readFile(file: string, loaded: Loaded, durable: number, maxBytes: number): Buffer | undefined {
    const path = this.#compressed.pathOf(file);
    if (path === undefined) return undefined;
    try {
      const lines = readLines(path, loaded.bytes, durable, maxBytes, bytes => this.#allocate(bytes));
      if (lines.length > 0) return lines;
      this.#log.warn(
        { file, bytes: durable - loaded.bytes },
        'a raw file has no whole line where one should be; it is left out',
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (this.#compressed.isThere(file)) return undefined;
      this.#log.error(
        { file, bytes: durable - loaded.bytes },
        'a raw file was deleted, or damaged, before it was loaded; its readings are lost',
      );
    }
    this.#pending.delete(file);
    this.#loaded.set(file, loaded);
    return undefined;
  }

  /** Notes that a file is loaded up to `offset`; what is left of it takes its turn behind the others. */
  advance(file: string, { offset, newest }: LoadedTo): void {
    this.#begun.delete(file);
    const position = this.#pending.get(file);
    if (position === undefined) return;
    this.#pending.delete(file);
    const loaded = { bytes: offset, newest };
    if (offset >= position.durable) {
      this.#loaded.set(file, loaded);
      this.#compressed.release(file);
    } else
      this.#pending.set(file, {
        ...position,
        loaded,
        marks: position.marks.filter(({ from }) => from >= offset),
      });
  }

  /** A file that is shorter than what was loaded of it, or begins otherwise, only took the name of the one we know. */
  #isAnotherFile(file: string, size: number, entry: LedgerEntry): boolean {
    const { bytes: loaded, firstLineHash: known, removedAt } = entry;
    if (size < loaded) return true;
    // Of a file that was removed on purpose nothing can have grown.
    if (removedAt !== undefined && (size > loaded || this.#begun.has(file))) return true;
    // What is loaded to its end is looked at when it grows: reading every file of the past at each start would take long.
    // One that has begun is looked at too: its entry is its own where only the answer to a COMMIT was lost.
    if ((size === loaded && !this.#begun.has(file)) || known === null) return false;
    const first = firstLineOf(join(this.#folder, file), size);
    return first !== undefined && firstLineHash(first) !== known;
  }

  /** The marks beside the lines that are to be loaded. What the recorder may be writing behind them is not to be trusted. */
  #marksOf(file: string, loaded: Loaded, durable: number): LateMark[] {
    return readLateMarks(join(this.#folder, file)).filter(
      ({ from }) => from >= loaded.bytes && from < durable,
    );
  }

  async #startAfresh(client: ClientBase, file: string, removed: boolean): Promise<void> {
    const kept = await setEntryAside(client, this.#collector, file);
    if (removed) {
      this.#log.info(
        { file, ledger: kept },
        'readings for a raw file that was removed as too old: it begins anew',
      );
      return;
    }
    this.#log.warn(
      { file, ledger: kept },
      'a raw file is not the one that was loaded under its name: it was replaced or cut by another hand. ' +
        'It is loaded from its beginning; the counters of the former one are kept under another name',
    );
  }
}
