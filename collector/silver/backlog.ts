import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { readFirstLine, readLines } from '../bronze/line-reader.ts';
import type { Block } from './block-store.ts';
import { firstLineHash, type LedgerEntry, readLedger, setEntryAside } from './ledger.ts';
import type { LoaderLog } from './protocol.ts';

/** How far a file is durable and loaded, in bytes. */
interface Position {
  loaded: number;
  durable: number;
}

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
  /** Files with something to load. Insertion order is the order in which they are served. */
  readonly #pending = new Map<string, Position>();
  /** Files that are loaded as far as they are durable, as of the last synchronisation. */
  readonly #loaded = new Map<string, number>();
  /** Files that have begun and are not known to be loaded from their beginning: an entry of the ledger may not be theirs. */
  readonly #begun = new Set<string>();
  /** A file that is not the one that was loaded under its name. */
  #replaced: string | undefined;

  constructor(folder: string, collector: string, log: LoaderLog) {
    this.#folder = folder;
    this.#collector = collector;
    this.#log = log;
  }

  /** Bytes that are durable and not loaded. */
  get bytes(): number {
    let sum = 0;
    // A file that was replaced by a shorter one is pending as well: looking at it is how we find out.
    for (const { loaded, durable } of this.#pending.values()) sum += Math.max(1, durable - loaded);
    return sum;
  }

  /** Notes that a file has become durable up to `size`. @param anew it begins with what is new. */
  grow(file: string, size: number, anew = false): void {
    const loaded = this.#loaded.get(file) ?? this.#pending.get(file)?.loaded ?? 0;
    if (anew) this.#begun.add(file);
    // What was loaded under its name was of another file, which somebody has deleted.
    if (anew && loaded > 0) this.#replaced = file;
    const position = this.#pending.get(file);
    if (position !== undefined) position.durable = size;
    else this.#pending.set(file, { loaded, durable: size });
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
    this.#replaced = undefined;
    const replaced: string[] = [];
    for (const [file, size] of durable) {
      const entry = ledger.get(file);
      let loaded = entry?.bytes ?? 0;
      if (entry !== undefined && this.#isAnotherFile(file, size, entry)) {
        replaced.push(file);
        loaded = 0;
      }
      if (loaded < size) this.#pending.set(file, { loaded, durable: size });
      else this.#loaded.set(file, loaded);
    }
    for (const file of replaced) await this.#startAfresh(client, file);
  }

  /** Reads whole lines, about `maxBytes` of them, file by file. Nothing moves before `advance`. */
  read(maxBytes: number): Block[] {
    if (this.#replaced !== undefined) throw new FileReplacedError(this.#replaced);
    const blocks: Block[] = [];
    let left = maxBytes;
    for (const [file, { loaded, durable }] of this.#pending) {
      if (left <= 0) break;
      // Shorter than what was loaded of it: somebody has cut it.
      if (durable < loaded) throw new FileReplacedError(file);
      const bytes = this.#readFile(file, loaded, durable, Math.min(FILE_BYTES, left));
      if (bytes === undefined) continue;
      blocks.push({ file, start: loaded, bytes });
      left -= bytes.length;
    }
    return blocks;
  }

  /** @returns undefined where the file has nothing that can be loaded: it is left out, and the others go on. */
  #readFile(file: string, loaded: number, durable: number, maxBytes: number): Buffer | undefined {
    try {
      const lines = readLines(join(this.#folder, file), loaded, durable, maxBytes);
      if (lines.length > 0) return lines;
      this.#log.warn(
        { file, bytes: durable - loaded },
        'a raw file has no whole line where one should be; it is left out',
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.#log.error(
        { file, bytes: durable - loaded },
        'a raw file was deleted before it was loaded; its readings are lost',
      );
    }
    this.#pending.delete(file);
    this.#loaded.set(file, loaded);
    return undefined;
  }

  /** Notes that a file is loaded up to `offset`; what is left of it takes its turn behind the others. */
  advance(file: string, offset: number): void {
    this.#begun.delete(file);
    const position = this.#pending.get(file);
    if (position === undefined) return;
    this.#pending.delete(file);
    if (offset < position.durable) this.#pending.set(file, { loaded: offset, durable: position.durable });
    else this.#loaded.set(file, offset);
  }

  /** A file that is shorter than what was loaded of it, or begins otherwise, only took the name of the one we know. */
  #isAnotherFile(file: string, size: number, { bytes: loaded, firstLineHash: known }: LedgerEntry): boolean {
    if (size < loaded) return true;
    // What is loaded to its end is looked at when it grows: reading every file of the past at each start would take long.
    // One that has begun is looked at too: its entry is its own where only the answer to a COMMIT was lost.
    if ((size === loaded && !this.#begun.has(file)) || known === null) return false;
    try {
      const first = readFirstLine(join(this.#folder, file), size);
      return first !== undefined && firstLineHash(first) !== known;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  async #startAfresh(client: ClientBase, file: string): Promise<void> {
    const kept = await setEntryAside(client, this.#collector, file);
    this.#log.warn(
      { file, ledger: kept },
      'a raw file is not the one that was loaded under its name: it was replaced or cut by another hand. ' +
        'It is loaded from its beginning; the counters of the former one are kept under another name',
    );
  }
}
