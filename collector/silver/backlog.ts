import { LRUCache } from 'lru-cache';
import type { ClientBase } from 'pg';
import { errorText } from '../../base/errors.ts';
import { type LateMark, marksFrom } from '../bronze/late-marks.ts';
import { readLines } from '../bronze/line-reader.ts';
import type { Watermark } from '../bronze/watermark.ts';
import { BacklogFile } from './backlog-file.ts';
import type { Block } from './block.ts';
import type { LoadedTo } from './block-store.ts';
import { Decompression, isDamage } from './decompression.ts';
import { type LedgerEntry, readEntries } from './ledger.ts';
import type { LoaderLog } from './protocol.ts';
import { FileReplacedError, isAnotherFile, startAfresh } from './replaced-file.ts';

/** From one file of a sensor at a time no more than this, so that a large backlog of one does not hold up the others. */
const FILE_BYTES = 1024 * 1024;
/** Of so many files that are loaded it is known how far; of others, which are old mostly, the ledger is asked when they grow. */
const MOST_LOADED = 50_000;
/** So many files that cannot be read are named in the log. */
const MOST_NAMED = 10;
/** So many files are remembered whose lines are lost. */
const MOST_LOST = 1000;

/**
 * The raw files that hold durable lines which are not in the database yet. Holds offsets, never lines, so that a
 * database which is away for a day costs no memory.
 */
export class Backlog {
  readonly #folder: string;
  readonly #collector: string;
  readonly #log: LoaderLog;
  readonly #lateMinutes: number;
  /** Files with something to load, in the order in which they are served. */
  readonly #pending = new Map<string, BacklogFile>();
  /** Files that are loaded as far as they are durable. */
  readonly #loaded = new LRUCache<string, BacklogFile>({ max: MOST_LOADED });
  /** Files whose lines cannot be loaded any more, and why. */
  readonly #lost = new Map<string, string>();
  /** A file that is not the one that was loaded under its name. */
  #replaced: string | undefined;
  readonly #decompression: Decompression;
  /** Every batch is read into the same memory: fresh memory for each stays until the garbage collector sees a reason. */
  #memory = Buffer.alloc(0);
  #used = 0;

  /** @param lateMinutes see `Watermark`. */
  constructor(folder: string, collector: string, log: LoaderLog, lateMinutes: number) {
    this.#folder = folder;
    this.#collector = collector;
    this.#log = log;
    this.#lateMinutes = lateMinutes;
    this.#decompression = new Decompression(folder);
  }

  /** Bytes that are durable and not loaded. */
  get bytes(): number {
    let sum = 0;
    for (const file of this.#pending.values()) sum += file.pendingBytes;
    return sum;
  }

  /** Files that cannot be read at present, or whose lines are lost, and why the first of them is so. */
  get unreadable(): { files: number; first: string | undefined } {
    const found = [...this.#lost].map(([key, reason]) => `${key}: ${reason}`);
    for (const { key, trouble } of this.#pending.values())
      if (trouble !== undefined) found.push(`${key}: ${trouble}`);
    return { files: found.length, first: found[0] };
  }

  /** ms until a file can be read; 0: now. Only files that could not be read, or are compressed, are waited for. */
  get untilReadable(): number {
    const now = performance.now();
    let least = Number.POSITIVE_INFINITY;
    for (const file of this.#pending.values()) least = Math.min(least, file.untilRetry(now));
    return least === Number.POSITIVE_INFINITY ? 0 : least;
  }

  /**
   * Notes that a file has become durable up to `size`.
   * @param anew it begins with what is new.
   * @param marks those that stand beside what is new.
   */
  grow(key: string, size: number, anew = false, marks: LateMark[] = []): void {
    const file = this.#pending.get(key) ?? this.#loaded.get(key) ?? new BacklogFile(key);
    // What was loaded under its name was of another file, which somebody has deleted.
    if (anew && (file.loaded ?? 0) > 0) this.#replaced = key;
    if (anew) {
      file.begun = true;
      file.sensorMarks = undefined;
      file.loaded ??= 0;
    }
    this.#decompression.release(file);
    file.durable = size;
    file.addMarks(marks);
    this.#loaded.delete(key);
    this.#lost.delete(key);
    this.#pending.set(key, file);
  }

  /**
   * Compares all files with the ledger: on a new connection, and when the ledger has moved by another hand. What has grown
   * since a file's size was taken is kept.
   * @param sizes every raw file and up to where it is durable, some at a time.
   * @param ask lends a connection for one comparison.
   */
  async synchronise(
    sizes: AsyncIterable<ReadonlyMap<string, number>>,
    ask: (compare: (client: ClientBase) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const before = new Map(this.#pending);
    for (const file of before.values()) this.#decompression.release(file);
    this.#pending.clear();
    this.#loaded.clear();
    this.#lost.clear();
    this.#replaced = undefined;
    for await (const page of sizes) {
      await ask(client =>
        this.#compare(client, [...page.keys()], key => {
          const known = before.get(key);
          return { size: Math.max(page.get(key)!, known?.durable ?? 0), begun: known?.begun ?? false };
        }),
      );
      for (const key of page.keys()) before.delete(key);
    }
    const left = [...before.values()];
    const keys = left.map(({ key }) => key);
    const known = (key: string) => ({ size: before.get(key)!.durable, begun: before.get(key)!.begun });
    await ask(client => this.#compare(client, keys, known));
  }

  /** Asks the ledger about files that have grown and of which nothing is known. */
  async resolve(client: ClientBase): Promise<void> {
    const now = performance.now();
    const unknown: string[] = [];
    for (const [key, file] of this.#pending) {
      if (file.loaded === undefined && file.untilRetry(now) === 0) unknown.push(key);
    }
    if (unknown.length > 0) await this.#compare(client, unknown, () => ({ size: 0, begun: false }));
  }

  /**
   * Reads whole lines, about `maxBytes` of them, file by file. Nothing moves before `advance`. A file that cannot be read
   * is left out for a while: it costs its own sensor only.
   * @returns blocks whose bytes are overwritten by the next call.
   */
  read(maxBytes: number): Block[] {
    if (this.#replaced !== undefined) throw new FileReplacedError(this.#replaced);
    const blocks: Block[] = [];
    let left = maxBytes;
    if (this.#memory.length < maxBytes) this.#memory = Buffer.allocUnsafeSlow(maxBytes);
    this.#used = 0;
    const now = performance.now();
    for (const file of this.#pending.values()) {
      if (left <= 0) break;
      const { key, loaded, durable } = file;
      if (loaded === undefined || file.untilRetry(now) > 0) continue;
      // Shorter than what was loaded of it: somebody has cut it.
      if (durable < loaded) throw new FileReplacedError(key);
      const bytes = this.#readFile(file, loaded, file.isOfHour ? left : Math.min(FILE_BYTES, left));
      const watermark = bytes && this.#watermarkOf(file);
      if (bytes === undefined || watermark === undefined) continue;
      blocks.push({ file: key, start: loaded, bytes, watermark });
      left -= bytes.length;
      this.#used += bytes.length;
    }
    return blocks;
  }

  /** Decompresses a file, where one is pending; the next `read` has its lines. */
  decompress(): Promise<void> {
    return this.#decompression.next(this.#pending.values(), (file, error) => {
      if (isDamage(error)) this.#giveUp(file, 'a compressed raw file cannot be read to its end', error);
      else this.#defer(file, error);
    });
  }

  /** Notes that a file is loaded up to `offset`; what is left of it takes its turn behind the others. */
  advance(key: string, { offset, newest }: LoadedTo): void {
    const file = this.#pending.get(key);
    if (file === undefined) return;
    this.#pending.delete(key);
    file.begun = false;
    file.loaded = offset;
    file.newest = newest;
    file.marks = marksFrom(file.marks, offset);
    if (offset < file.durable) this.#pending.set(key, file);
    else this.#settle(file);
  }

  /** A file has nothing more to load. */
  #settle(file: BacklogFile): void {
    this.#forget(file);
    file.marks = marksFrom(file.marks, file.durable);
    file.sensorMarks = undefined;
    this.#loaded.set(file.key, file);
  }

  #forget(file: BacklogFile): void {
    this.#pending.delete(file.key);
    this.#decompression.release(file);
  }

  /** Memory for a block. A line that is longer than all that is left gets some of its own. */
  #allocate(bytes: number): Buffer {
    const end = this.#used + bytes;
    return end <= this.#memory.length
      ? this.#memory.subarray(this.#used, end)
      : Buffer.allocUnsafeSlow(bytes);
  }

  /** @returns undefined where the file has nothing that can be loaded now: it is left out, and the others go on. */
  #readFile(file: BacklogFile, loaded: number, maxBytes: number): Buffer | undefined {
    const path = this.#decompression.pathOf(file);
    if (path === undefined) return undefined;
    try {
      const lines = readLines(path, loaded, file.durable, maxBytes, bytes => this.#allocate(bytes));
      file.mended();
      if (lines.length > 0) return lines;
      this.#log.warn(
        { file: file.key, bytes: file.durable - loaded },
        'a raw file has no whole line where one should be; it is left out',
      );
      this.#settle(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#defer(file, error as Error);
      else if (!this.#decompression.find(file)) {
        this.#giveUp(
          file,
          'a raw file was deleted before it was loaded; its readings are lost',
          error as Error,
        );
      }
    }
    return undefined;
  }

  /** Tells the late lines of a file. @returns undefined where its marks cannot be read now. */
  #watermarkOf(file: BacklogFile): Watermark | undefined {
    try {
      return file.watermark(this.#folder, this.#lateMinutes);
    } catch (error) {
      this.#defer(file, error as Error);
      return undefined;
    }
  }

  /** What cannot be read now may be readable later: a disk that comes back, rights that somebody gives. */
  #defer(file: BacklogFile, error: Error): void {
    const reason = errorText(error);
    const isNews = file.trouble !== reason;
    file.defer(reason, performance.now());
    let troubled = 0;
    for (const { trouble } of this.#pending.values()) if (trouble !== undefined) troubled++;
    if (isNews && troubled <= MOST_NAMED) {
      this.#log.error(
        { file: file.key, reason },
        'a raw file cannot be read; it is tried again, and the others are loaded meanwhile',
      );
    }
  }

  #giveUp(file: BacklogFile, message: string, error: Error): void {
    const bytes = file.durable - (file.loaded ?? 0);
    this.#log.error({ file: file.key, bytes, reason: errorText(error) }, message);
    if (this.#lost.size < MOST_LOST) this.#lost.set(file.key, errorText(error));
    this.#settle(file);
  }

  /** Compares some files with the ledger. @param known what is known of them beside what has grown meanwhile. */
  async #compare(
    client: ClientBase,
    keys: string[],
    known: (key: string) => { size: number; begun: boolean },
  ): Promise<void> {
    const entries = await readEntries(client, this.#collector, keys);
    // Nothing is awaited until all positions are set, so that no message about a grown file falls between.
    const replaced: LedgerEntry[] = [];
    for (const key of keys) {
      const entry = entries.get(key);
      const { size, begun } = known(key);
      const file = this.#pending.get(key) ?? new BacklogFile(key);
      file.durable = Math.max(file.durable, size);
      file.begun ||= begun;
      try {
        if (this.#place(file, entry)) replaced.push(entry!);
      } catch (error) {
        // Asked again when it can be read: it may be another file.
        file.loaded = undefined;
        this.#pending.set(key, file);
        this.#defer(file, error as Error);
      }
    }
    for (const entry of replaced) await startAfresh(client, this.#collector, entry, this.#log);
  }

  /** Says how far a file is loaded. @returns whether its entry is that of another file. @throws errors of the disk. */
  #place(file: BacklogFile, entry: LedgerEntry | undefined): boolean {
    file.loaded = entry?.bytes ?? 0;
    file.newest = entry?.newest;
    const isAnother = entry !== undefined && isAnotherFile(this.#folder, file, entry);
    if (isAnother) {
      file.loaded = 0;
      file.newest = undefined;
    }
    // Of a file that is loaded nothing is kept: when it grows, the ledger is asked, and its marks are read.
    if (file.loaded >= file.durable) this.#forget(file);
    else {
      file.readMarks(this.#folder);
      this.#pending.set(file.key, file);
    }
    return isAnother;
  }
}
