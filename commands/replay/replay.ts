import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { Backoff } from '../../base/backoff.ts';
import { errorText } from '../../base/errors.ts';
import { RawFileName } from '../../collector/bronze/raw-file-name.ts';
import type { Topics } from '../../collector/payload/topics.ts';
import { BlockStore } from '../../collector/silver/block-store.ts';
import { type Counters, emptyCounters } from '../../collector/silver/counters.ts';
import { keepTopics } from '../../collector/silver/decoded-with.ts';
import { keptSince } from '../../collector/silver/kept-since.ts';
import { OffsetMovedError, readEntries } from '../../collector/silver/ledger.ts';
import { LineDecoder } from '../../collector/silver/line-decoder.ts';
import { Registry } from '../../collector/silver/registry.ts';
import { remedyOf } from '../../collector/silver/remedy.ts';
import { sever } from '../../db/connect.ts';
import { isLacking } from '../../db/lacking.ts';
import { ProgressBar } from '../output/progress-bar.ts';
import { FileReplay } from './file-replay.ts';
import { findAgain, isForeign, type ReplayFile } from './files.ts';
import { ForgottenLines } from './forgotten.ts';
import { checkJsonl } from './jsonl.ts';
import { Preview } from './preview.ts';

/** What stands for the entry of plain messages, and of topics that no entry takes. */
const PLAIN = 'plain messages';
const NO_ENTRY = 'no entry';
/** Of files that hold an hour of all topics. */
const MANY = 'several entries';

/** How often a file is begun again after a deadlock, a lost connection, or a loader that was faster. */
const MOST_ATTEMPTS = 6;
/** How often the registry is read again. */
const REGISTRY_MS = 60_000;

export interface ReplayOptions {
  /** Opens a connection that is ready to load. */
  connect: () => Promise<pg.Client>;
  collector: string;
  topics: Topics;
  /** Of the raw files. */
  folder: string;
  log: Logger;
  /** See `Watermark`. */
  lateMinutes: number;
  /** A collector has the data folder and runs: what it has not loaded yet of its own files is left to it. */
  collecting: boolean;
  /** What earlier topics files left is removed: `Prune` has run. */
  prune?: boolean;
  /** Only say what would be done. */
  dryRun: boolean;
}

/**
 * What became, or would become, of the readings of a file; `present` were in silver already. A line that is rejected counts
 * as one.
 */
export interface Replayed {
  file: string;
  /** The entry of the topics file that decided about its last line; plain messages have none. */
  entry: string;
  lines: number;
  stored: number;
  present: number;
  conflicts: number;
  rejected: number;
}

/**
 * Loads raw files again, or for the first time, beside live traffic. Done twice it changes nothing, so an error that
 * blames no row is answered by beginning the file again.
 */
export class Replay {
  readonly #options: ReplayOptions;
  /** By collector. */
  readonly #stores = new Map<string, BlockStore>();
  #client: pg.Client | undefined;
  #registry: Registry | undefined;
  #registryAt = 0;
  #preview: Preview | undefined;
  /** Files that were not loaded, or not to their end, and why. */
  readonly refused: string[] = [];
  /** Lines that were not put back, as silver keeps nothing from before this UTC date. */
  readonly forgotten = { lines: 0, before: '' };

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /**
   * Replays files in their order; yields a row for each that was loaded.
   * @param bytes of all of them, where they come one after the other.
   */
  async *run(
    files: Iterable<ReplayFile> | AsyncIterable<ReplayFile>,
    bytes = Array.isArray(files) ? sizeOf(files) : 0,
  ): AsyncGenerator<Replayed> {
    const bar = new ProgressBar(bytes);
    let done = 0;
    for await (const file of files) {
      const flaw = isForeign(file) ? await checkJsonl(file.path) : undefined;
      if (flaw !== undefined) this.refused.push(flaw);
      else {
        const replayed = await this.#untilDone(file, bytes => bar.show(done + bytes, file.name));
        bar.clear();
        if (replayed !== undefined) yield replayed;
      }
      done += file.bytes;
    }
    bar.clear();
  }

  /** Disconnects. */
  end(): void {
    if (this.#client !== undefined) sever(this.#client);
    this.#client = undefined;
  }

  async #untilDone(file: ReplayFile, progress: (bytes: number) => void): Promise<Replayed | undefined> {
    const backoff = new Backoff(200, 10_000);
    const sum = emptyCounters();
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(file, sum, progress);
      } catch (error) {
        if (hasMoved(file, error) && attempt < MOST_ATTEMPTS) {
          file = await findAgain(file);
          continue;
        }
        if (isOfFile(error)) {
          this.refused.push(`${file.path}: ${errorText(error)}; what stands before that is loaded`);
          return undefined;
        }
        if (remedyOf(error) !== 'retry' || isLacking(error) || attempt >= MOST_ATTEMPTS) throw error;
        this.#options.log.debug({ reason: errorText(error) }, 'beginning the file again');
        if (!(error instanceof OffsetMovedError)) this.end();
        await sleep(backoff.next());
      }
    }
  }

  #storeOf(collector: string): BlockStore {
    const store = this.#stores.get(collector) ?? new BlockStore(collector, this.#options.log);
    this.#stores.set(collector, store);
    return store;
  }

  /** The connection, and the registry as it was less than a minute ago: reading it for every small file took most of the time. */
  async #connected(): Promise<{ client: pg.Client; registry: Registry }> {
    const { topics, dryRun } = this.#options;
    if (this.#client === undefined) {
      this.#client = await this.#options.connect();
      this.#registry = undefined;
      if (!dryRun) await keepTopics(this.#client, topics);
    }
    if (this.#registry === undefined || performance.now() - this.#registryAt > REGISTRY_MS) {
      this.#registryAt = performance.now();
      this.#registry = await Registry.load(this.#client);
    }
    return { client: this.#client, registry: this.#registry };
  }

  #noteForgotten({ count }: ForgottenLines, since: Date | undefined): void {
    this.forgotten.lines += count;
    this.forgotten.before = since?.toISOString().slice(0, 10) ?? '';
  }

  async #once(file: ReplayFile, sum: Counters, progress: (bytes: number) => void): Promise<Replayed> {
    const { topics, log, lateMinutes, collecting, prune = false, dryRun } = this.#options;
    const { collector, folder } = file.archived ?? this.#options;
    const { client, registry } = await this.#connected();
    const known = (await readEntries(client, collector, [file.name])).get(file.name);
    const since = await keptSince(client);
    const forgotten = new ForgottenLines(since);
    const context = {
      client,
      collector,
      decoder: new LineDecoder({ topics, registry, lateMinutes, folder }),
      store: this.#storeOf(collector),
      log,
      lateMinutes,
      progress,
      forgotten,
      leaveRest: collecting && (file.archived?.isLocal ?? !isForeign(file)),
      prune,
    };
    const isOfMany = RawFileName.ofKey(file.name)?.isOfHour && !context.decoder.isPlain(file.name);
    const entryOf = () =>
      isOfMany ? MANY : (context.decoder.entry ?? (context.decoder.isPlain(file.name) ? PLAIN : NO_ENTRY));
    if (dryRun) {
      this.#preview ??= await Preview.prepare(client);
      const would = await this.#preview.of(file, known, context);
      this.#noteForgotten(forgotten, since);
      return { file: file.name, entry: entryOf(), ...would };
    }
    // What an earlier attempt has stored is there now; everything else is counted by the last one.
    const stored = sum.stored;
    Object.assign(sum, emptyCounters());
    try {
      await new FileReplay(context, file, known, sum).run();
    } finally {
      sum.stored += stored;
    }
    await file.archived?.loaded(client);
    this.#noteForgotten(forgotten, since);
    const { lines, readings, conflicts, refused, rejected } = sum;
    return {
      file: file.name,
      entry: entryOf(),
      lines,
      stored: sum.stored,
      present: readings - sum.stored - conflicts - refused,
      conflicts,
      rejected: rejected + refused,
    };
  }
}

function sizeOf(files: ReplayFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** A file of the collector's own was compressed, or made plain, since it was found. */
function hasMoved(file: ReplayFile, error: unknown): boolean {
  const { code, path } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' && path === file.path && !isForeign(file);
}

/** An error in reading the file, not in talking to the database: a gzip that ends too early, say. */
function isOfFile(error: unknown): boolean {
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  return code?.startsWith('Z_') === true || (path !== undefined && syscall !== 'connect');
}
