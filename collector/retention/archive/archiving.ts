import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../../../base/config.ts';
import { errorText } from '../../../base/errors.ts';
import { inParallel } from '../../../base/in-parallel.ts';
import { ObjectDamagedError, ObjectStoreError } from '../../../base/objects/error.ts';
import type { ObjectStore } from '../../../base/objects/object-store.ts';
import { firstLineOf } from '../../bronze/first-line.ts';
import { GzipFileError, writeGzip } from '../../bronze/gzip-file.ts';
import { compressedPath, lateMarksPath, type RawFileName } from '../../bronze/raw-file-name.ts';
import { listRawFiles, lookAt, type StandingFile } from '../../bronze/raw-folder.ts';
import { isBeside, listRejectedFiles } from '../../bronze/rejected-file.ts';
import { firstLineHash } from '../../silver/ledger.ts';
import {
  type Copy,
  noteCopy,
  noteRejectedCopy,
  readWaiting,
  readWaitingRejected,
  type Waiting,
} from './archive-ledger.ts';
import { copyToArchive, type Original } from './copying.ts';

/** Files that are copied at once: small ones wait for answers mostly. A large one has two parts of 8 MiB in memory. */
const PARALLEL = 4;
/** Files of hours are copied at once, compressed or not; those that come a little late need not be copied twice. */
const AFTER_HOUR_S = 600;
/** After so many failures in a row the object storage is away, rather than a file bad. */
const MOST_FAILURES = 3;

interface Options {
  client: ClientBase;
  store: ObjectStore;
  config: Pick<Config, 'DATA_DIR' | 'RAW_COMPRESS_AFTER_DAYS'>;
  collector: string;
  log: Logger;
  /** Added to. */
  counts: { files: number; bytes: number; waitingFiles: number };
  signal: AbortSignal;
}

/** A file that waits, and how to copy it. */
export interface Task {
  name: string;
  copy: () => Promise<Copy | undefined>;
}

/** One run: finds what waits, and copies it. */
export class Archiving {
  readonly #options: Options;
  /** Of files that are compressed for the archive alone. */
  readonly #spool: string;

  constructor(options: Options) {
    this.#options = options;
    this.#spool = join(options.config.DATA_DIR, 'archive.tmp');
  }

  /** What waits and can be copied now. @param now ms since 1970. */
  async find(now: number): Promise<Task[]> {
    const tasks = [...(await this.#rawFiles(now)), ...(await this.#rejectedFiles(now))];
    this.#options.counts.waitingFiles = tasks.length;
    return tasks;
  }

  /**
   * Copies what was found.
   * @throws the first error of a file, after the others were copied; of the object storage at once, where nothing works.
   */
  async run(tasks: Task[]): Promise<void> {
    const { counts, signal } = this.#options;
    await rm(this.#spool, { recursive: true, force: true });
    const errors: unknown[] = [];
    let inARow = 0;
    await inParallel(tasks, PARALLEL, async task => {
      signal.throwIfAborted();
      try {
        const copied = await this.#tried(task);
        inARow = 0;
        if (copied) counts.waitingFiles--;
      } catch (error) {
        if (!(error instanceof ObjectStoreError || error instanceof ObjectDamagedError)) throw error;
        errors.push(error);
        if (++inARow >= MOST_FAILURES) throw error;
      }
    });
    await rm(this.#spool, { recursive: true, force: true });
    if (errors.length > 0) throw errors[0];
  }

  /** @returns whether there is a copy now; a file that has just been moved is copied the next time. */
  async #tried({ name, copy }: Task): Promise<boolean> {
    const { counts, log } = this.#options;
    try {
      const copied = await copy();
      if (copied === undefined) return false;
      counts.files++;
      counts.bytes += copied.bytes;
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const isDamaged = error instanceof GzipFileError || code?.startsWith('Z_') === true;
      if (code !== 'ENOENT' && !isDamaged) throw error;
      if (isDamaged)
        log.error({ file: name, reason: errorText(error) }, 'a file cannot be copied to the archive');
      return false;
    }
  }

  /** Raw files that are compressed; those of hours, and all where none are ever compressed, when their time is over. */
  async #rawFiles(now: number): Promise<Task[]> {
    const { client, collector, config } = this.#options;
    const files = await listRawFiles(config.DATA_DIR);
    const tasks: Task[] = [];
    for (const waiting of await readWaiting(client, collector)) {
      const file = files.get(waiting.path);
      if (file === undefined) continue;
      const { isOfHour, end } = file.name;
      const isAtOnce = isOfHour || config.RAW_COMPRESS_AFTER_DAYS === 0;
      const isOver = end + AFTER_HOUR_S <= now / 1000;
      if ((isAtOnce && isOver) || (file.compressed && !file.plain))
        tasks.push({ name: waiting.path, copy: () => this.#copyRaw(file.name, waiting) });
    }
    return tasks;
  }

  async #copyRaw(name: RawFileName, waiting: Waiting): Promise<Copy | undefined> {
    const { client, store, collector, config } = this.#options;
    const file = await lookAt(config.DATA_DIR, name);
    if (file === undefined || file.bytes === 0 || file.bytes !== waiting.bytes) return undefined;
    const first = firstLineOf(file.path, file.bytes);
    // The entry is that of another file.
    if (first === undefined || firstLineHash(first) !== waiting.firstLineHash) return undefined;
    await using form = await this.#compressed(file);
    const { key, date } = name;
    // After the lines, so that none of them lacks its mark.
    const marks = await readFile(lateMarksPath(file.path)).catch(ignoreMissing);
    const original: Original = { collector, date, file: key, path: form.path, bytes: file.bytes, marks };
    const copy = await copyToArchive(store, original);
    await noteCopy(client, collector, waiting, copy);
    return copy;
  }

  /** Those of days that are over, and whose messages are counted. */
  async #rejectedFiles(now: number): Promise<Task[]> {
    const { client, collector, config } = this.#options;
    const today = new Date(now).toISOString().slice(0, 10);
    const waiting = await readWaitingRejected(client, collector);
    const files = await listRejectedFiles(config.DATA_DIR);
    return files.flatMap(file => {
      const { date, path } = file;
      const bytes = waiting.get(date);
      if (bytes === undefined || date >= today || isBeside(file)) return [];
      return [{ name: path, copy: () => this.#copyRejected(date, join(config.DATA_DIR, path), bytes) }];
    });
  }

  async #copyRejected(date: string, path: string, bytes: number): Promise<Copy | undefined> {
    const { client, store, collector } = this.#options;
    if ((await stat(path)).size !== bytes) return undefined;
    await using form = await this.#spooled(path, bytes);
    const original = {
      collector,
      date,
      file: basename(path),
      path: form.path,
      bytes,
      marks: Buffer.alloc(0),
    };
    const copy = await copyToArchive(store, original);
    await noteRejectedCopy(client, collector, date, copy);
    return copy;
  }

  /** The compressed form of a raw file; made for the time being where it has none. */
  async #compressed(file: StandingFile): Promise<AsyncDisposable & { path: string }> {
    if (!file.compressed) return this.#spooled(file.path, file.bytes);
    return { path: compressedPath(file.path), [Symbol.asyncDispose]: async () => undefined };
  }

  async #spooled(path: string, bytes: number): Promise<AsyncDisposable & { path: string }> {
    await mkdir(this.#spool, { recursive: true });
    const target = join(this.#spool, compressedPath(basename(path)));
    const remove = () => rm(target, { force: true });
    try {
      await writeGzip(path, target, bytes, this.#options.signal);
    } catch (error) {
      await remove();
      throw error;
    }
    return { path: target, [Symbol.asyncDispose]: remove };
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): Buffer {
  if (error.code !== 'ENOENT') throw error;
  return Buffer.alloc(0);
}
