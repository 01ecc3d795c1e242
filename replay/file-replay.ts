import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import type { RawLine } from '../collector/bronze/line-reader.ts';
import { streamLines } from '../collector/bronze/line-stream.ts';
import { type BatchLine, prepareLine } from '../collector/silver/batch.ts';
import { firstLineHash, type LedgerEntry, setEntryAside } from '../collector/silver/ledger.ts';
import { storeNarrowing } from '../collector/silver/narrow.ts';
import type { Registry } from '../collector/silver/registry.ts';
import { type LedgerMode, storeBatch } from '../collector/silver/store.ts';
import { addTally, type Tally } from '../collector/silver/stretch.ts';
import type { Zone } from '../collector/time.ts';
import { isForeign, type ReplayFile } from './files.ts';

const BATCH_LINES = 50_000;
const BATCH_BYTES = 8 * 1024 * 1024;

/** What loading a file needs. */
export interface FileReplayContext {
  client: ClientBase;
  collector: string;
  registry: Registry;
  zone: Zone;
  log: Logger;
  /** Its lines behind what the ledger counts are left to the collector that is at work on it. */
  leaveRest: boolean;
  progress: (bytes: number) => void;
}

/** The lines that a replay reads: all of a file, but of one that a collector is loading only what it has loaded. */
export function linesOf(file: ReplayFile, known: LedgerEntry | undefined, leaveRest: boolean) {
  return streamLines(
    file.path,
    isForeign(file) ? 'keep' : 'skip',
    leaveRest ? (known?.bytes ?? 0) : undefined,
  );
}

/**
 * Loads one file. Lines that the ledger counts already put back what silver lacks; lines behind them are loaded as the
 * collector would.
 * @param known what the ledger says of it.
 * @param sum what became of the lines; added to as batches commit, also when an error ends it.
 */
export class FileReplay {
  readonly #context: FileReplayContext;
  readonly #file: ReplayFile;
  readonly #sum: Tally;
  #known: LedgerEntry | undefined;
  #batch: BatchLine[] = [];
  #mode: LedgerMode = 'heal';
  readonly #hashes = new Map<string, string>();

  constructor(context: FileReplayContext, file: ReplayFile, known: LedgerEntry | undefined, sum: Tally) {
    this.#context = context;
    this.#file = file;
    this.#known = known;
    this.#sum = sum;
  }

  async run(): Promise<void> {
    const { zone, registry, progress, leaveRest } = this.#context;
    if (!(await this.#isKnownFile())) return;
    for await (const { lines, bytesRead } of linesOf(this.#file, this.#known, leaveRest)) {
      for (const line of lines) {
        if (line.start === 0 && !(await this.#begin(line))) return;
        const mode: LedgerMode = line.start < (this.#known?.bytes ?? 0) ? 'heal' : 'advance';
        if (mode !== this.#mode || this.#isFull()) await this.#flush();
        this.#mode = mode;
        this.#batch.push(prepareLine(this.#file.name, line, zone, registry));
      }
      progress(bytesRead);
    }
    await this.#flush();
  }

  /** A file that is shorter than what was loaded of it took the name of another one. @returns false to leave it alone. */
  #isKnownFile(): Promise<boolean> {
    const { path, bytes } = this.#file;
    // The last line may count a line end that it lacks; how long a compressed file is, nobody knows beforehand.
    const shorter = this.#known !== undefined && !path.endsWith('.gz') && bytes + 1 < this.#known.bytes;
    return shorter ? this.#startAfresh() : Promise.resolve(true);
  }

  /** Looks at the first line. @returns false to leave the file alone. */
  #begin(line: RawLine): Promise<boolean> {
    const hash = firstLineHash(line.bytes);
    this.#hashes.set(this.#file.name, hash);
    const replaced =
      this.#known !== undefined && this.#known.firstLineHash !== null && this.#known.firstLineHash !== hash;
    return replaced ? this.#startAfresh() : Promise.resolve(true);
  }

  async #startAfresh(): Promise<boolean> {
    const { client, collector, leaveRest } = this.#context;
    if (leaveRest) return false;
    await setEntryAside(client, collector, this.#file.name);
    this.#known = undefined;
    return true;
  }

  #isFull(): boolean {
    const [first] = this.#batch;
    return (
      this.#batch.length >= BATCH_LINES ||
      (first !== undefined && this.#batch.at(-1)!.end - first.start >= BATCH_BYTES)
    );
  }

  async #flush(): Promise<void> {
    const { client, collector, log } = this.#context;
    const lines = this.#batch;
    this.#batch = [];
    if (lines.length === 0) return;
    await storeNarrowing(
      lines,
      some => storeBatch(client, collector, some, this.#hashes, this.#mode),
      (_, tally) => addTally(this.#sum, tally),
      log,
    );
  }
}
