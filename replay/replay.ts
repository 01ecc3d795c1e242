import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import { Comparison } from '../audit/comparison.ts';
import { LineTable } from '../audit/line-table.ts';
import type { RawLine } from '../collector/bronze/line-reader.ts';
import { streamLines } from '../collector/bronze/line-stream.ts';
import { ProgressBar } from '../collector/progress-bar.ts';
import { type BatchLine, prepareLine } from '../collector/silver/batch.ts';
import { firstLineHash, type LedgerEntry, readLedger, setEntryAside } from '../collector/silver/ledger.ts';
import { storeNarrowing } from '../collector/silver/narrow.ts';
import { Registry } from '../collector/silver/registry.ts';
import { type LedgerMode, storeBatch } from '../collector/silver/store.ts';
import { addTally, emptyTally, type Tally } from '../collector/silver/stretch.ts';
import type { Zone } from '../collector/time.ts';
import { checkJsonl, type NotJsonlError } from './jsonl.ts';

const BATCH_LINES = 50_000;
const BATCH_BYTES = 8 * 1024 * 1024;

export interface ReplayOptions {
  dataDir: string;
  collector: string;
  zone: Zone;
  log: Logger;
  /** A collector has the data folder and runs: what it has not loaded yet of its own files is left to it. */
  collecting: boolean;
  /** Only say what would be done. */
  dryRun: boolean;
}

/** What became, or would become, of the lines of a file; `present` were in silver already. */
export interface Replayed {
  file: string;
  lines: number;
  stored: number;
  present: number;
  conflicts: number;
  rejected: number;
}

/** A file to replay. `name` is its name in the ledger: relative for the collector's own, absolute for others. */
export interface ReplayFile {
  path: string;
  name: string;
  bytes: number;
}

/**
 * Finds the raw files below files and folders.
 * @throws when one of them does not exist, or a file is neither .jsonl nor .jsonl.gz.
 */
export async function findFiles(places: string[], dataDir: string): Promise<ReplayFile[]> {
  const raw = await realpath(join(dataDir, 'raw')).catch(() => resolve(dataDir, 'raw'));
  const files = new Map<string, ReplayFile>();
  for (const place of places.length > 0 ? places : [raw]) {
    for (const path of await pathsBelow(place)) {
      const real = await realpath(path);
      const own = dirname(real) === raw;
      const name = own ? real.slice(raw.length + 1).replace(/\.gz$/, '') : real;
      files.set(real, { path: real, name, bytes: (await stat(real)).size });
    }
  }
  return [...files.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function pathsBelow(place: string): Promise<string[]> {
  const found = await stat(place);
  if (!found.isDirectory()) {
    if (/\.jsonl(?:\.gz)?$/.test(place)) return [place];
    throw new Error(`${place} is not a raw file: its name must end in .jsonl or .jsonl.gz`);
  }
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile() && /\.jsonl(?:\.gz)?$/.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name));
}

/**
 * Loads raw files again, or for the first time, beside live traffic. Lines that the ledger counts already only put back
 * what silver lacks; lines behind them are loaded as the collector would. So it changes nothing when done twice.
 */
export class Replay {
  readonly #client: ClientBase;
  readonly #options: ReplayOptions;
  readonly #refused: NotJsonlError[] = [];

  constructor(client: ClientBase, options: ReplayOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Files that are not JSONL; nothing of them was loaded. */
  get refused(): readonly NotJsonlError[] {
    return this.#refused;
  }

  async *run(files: ReplayFile[]): AsyncGenerator<Replayed> {
    const ledger = await readLedger(this.#client, this.#options.collector);
    const registry = await Registry.load(this.#client);
    if (this.#options.dryRun) await LineTable.prepare(this.#client);
    const bar = new ProgressBar(files.reduce((sum, file) => sum + file.bytes, 0));
    let done = 0;
    for (const file of files) {
      const progress = (bytes: number) => bar.show(done + bytes, file.name);
      const refusal = isAbsolute(file.name) ? await checkJsonl(file.path) : undefined;
      if (refusal !== undefined) this.#refused.push(refusal);
      else {
        const replayed = this.#options.dryRun
          ? await this.#preview(file, ledger.get(file.name), registry, progress)
          : await this.#load(file, ledger.get(file.name), registry, progress);
        bar.clear();
        yield replayed;
      }
      done += file.bytes;
    }
    bar.clear();
  }

  async #load(
    file: ReplayFile,
    known: LedgerEntry | undefined,
    registry: Registry,
    progress: (bytes: number) => void,
  ) {
    const total = emptyTally();
    let loaded = known?.bytes ?? 0;
    const hashes = new Map<string, string>();
    let batch: BatchLine[] = [];
    let mode: LedgerMode = 'heal';
    const flush = async () => {
      if (batch.length > 0) addTally(total, await this.#store(batch, hashes, mode));
      batch = [];
    };
    for await (const { lines, bytesRead } of this.#linesOf(file, loaded)) {
      for (const line of lines) {
        if (line.start === 0) {
          const hash = firstLineHash(line.bytes);
          hashes.set(file.name, hash);
          if (known && known.firstLineHash !== null && known.firstLineHash !== hash) {
            if (this.#leavesRest(file)) return summary(file, total);
            await setEntryAside(this.#client, this.#options.collector, file.name);
            loaded = 0;
          }
        }
        const next: LedgerMode = line.start < loaded ? 'heal' : 'advance';
        if (next !== mode || isFull(batch)) await flush();
        mode = next;
        batch.push(prepareLine(file.name, line, this.#options.zone, registry));
      }
      progress(bytesRead);
    }
    await flush();
    return summary(file, total);
  }

  async #preview(
    file: ReplayFile,
    known: LedgerEntry | undefined,
    registry: Registry,
    progress: (bytes: number) => void,
  ) {
    const table = new LineTable(this.#client);
    await table.clear();
    let number = 0;
    for await (const { lines, bytesRead } of this.#linesOf(file, known?.bytes ?? 0)) {
      for (const line of lines)
        await table.add(0, ++number, prepareLine(file.name, line, this.#options.zone, registry));
      progress(bytesRead);
    }
    await table.complete();
    const would = await new Comparison(this.#client, this.#options.collector, [file.name]).wouldBecome();
    return { file: file.name, ...would };
  }

  /** The lines that a replay reads: all of them, but of a file that is being loaded only what is loaded. */
  async *#linesOf(file: ReplayFile, loaded: number): AsyncGenerator<{ lines: RawLine[]; bytesRead: number }> {
    const lastLine = isAbsolute(file.name) ? 'keep' : 'skip';
    yield* streamLines(file.path, lastLine, this.#leavesRest(file) ? loaded : undefined);
  }

  #leavesRest(file: ReplayFile): boolean {
    return this.#options.collecting && !isAbsolute(file.name);
  }

  async #store(lines: BatchLine[], hashes: ReadonlyMap<string, string>, mode: LedgerMode): Promise<Tally> {
    const sum = emptyTally();
    await storeNarrowing(
      lines,
      some => storeBatch(this.#client, this.#options.collector, some, hashes, mode),
      (_, tally) => addTally(sum, tally),
      this.#options.log,
    );
    return sum;
  }
}

function isFull(batch: BatchLine[]): boolean {
  return (
    batch.length >= BATCH_LINES || (batch.length > 0 && batch.at(-1)!.end - batch[0]!.start >= BATCH_BYTES)
  );
}

function summary(file: ReplayFile, { lines, stored, duplicates, conflicts, rejected }: Tally): Replayed {
  return { file: file.name, lines, stored, present: duplicates, conflicts, rejected };
}
