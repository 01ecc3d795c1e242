import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import { streamLines } from '../../collector/bronze/line-stream.ts';
import { formOf } from '../../collector/bronze/raw-file-name.ts';
import { type Watermark, watermarkOf } from '../../collector/bronze/watermark.ts';
import type { BlockStore } from '../../collector/silver/block-store.ts';
import { addCounters, type Counters, emptyCounters } from '../../collector/silver/counters.ts';
import { readDecodedWith, recount } from '../../collector/silver/decoded-with.ts';
import { firstLineHash, type LedgerEntry, setEntryAside } from '../../collector/silver/ledger.ts';
import type { LineDecoder } from '../../collector/silver/line-decoder.ts';
import { isForeign, type ReplayFile } from './files.ts';
import type { ForgottenLines } from './forgotten.ts';
import { forgetRejections } from './superseded.ts';

const BATCH_BYTES = 4 * 1024 * 1024;

/** What loading a file needs. */
export interface FileReplayContext {
  client: ClientBase;
  collector: string;
  decoder: LineDecoder;
  log: Logger;
  store: BlockStore;
  /** See `Watermark`. */
  lateMinutes: number;
  forgotten: ForgottenLines;
  /** Its lines behind what the ledger counts are left to the collector that is at work on it. */
  leaveRest: boolean;
  /** What earlier topics files left of its lines is removed. */
  prune: boolean;
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
  readonly #sum: Counters;
  /** What came of the lines that were counted already. */
  readonly #counted = emptyCounters();
  #known: LedgerEntry | undefined;
  #watermark: Watermark;
  /** New lines that wait to be loaded together, and where they begin. */
  #pieces: Buffer[] = [];
  #from: number | undefined;

  constructor(context: FileReplayContext, file: ReplayFile, known: LedgerEntry | undefined, sum: Counters) {
    this.#context = context;
    this.#file = file;
    this.#known = known;
    this.#sum = sum;
    // It is always read from its first line on, so nothing that came before needs to be known.
    this.#watermark = watermarkOf(file.path, context.lateMinutes, isForeign(file));
  }

  async run(): Promise<void> {
    const { leaveRest, progress } = this.#context;
    if (!(await this.#isKnownFile())) return;
    for await (const { bytes, start, bytesRead } of linesOf(this.#file, this.#known, leaveRest)) {
      if (start === 0 && !(await this.#begin(bytes))) return;
      if (start === 0) await this.#forgetRejections();
      const counted = Math.min(Math.max((this.#known?.bytes ?? 0) - start, 0), bytes.length);
      if (counted > 0) await this.#backfill(start, bytes.subarray(0, counted));
      if (counted < bytes.length) await this.#load(start + counted, bytes.subarray(counted));
      progress(bytesRead);
    }
    await this.#flush();
    await this.#noteDecoded();
  }

  /** Lines that were decoded with an earlier topics file are counted anew, as what they hold has changed. */
  async #noteDecoded(): Promise<void> {
    const { client, collector, decoder, forgotten } = this.#context;
    const known = this.#known;
    // Of what silver has forgotten nobody can tell what came of it.
    if (known === undefined || forgotten.count > 0 || !(await this.#isRemapped(known))) return;
    await recount(client, collector, known, this.#counted, decoder.topicsHash);
  }

  /** Whether some of its lines were decoded with another topics file, or what that left of them is to be removed. */
  async #isRemapped({ path, bytes }: LedgerEntry): Promise<boolean> {
    const { client, collector, decoder, prune } = this.#context;
    if (decoder.isPlain(path)) return false;
    const decoded = (await readDecodedWith(client, collector, [path])).get(path) ?? [];
    return prune || decoded.some(({ from, hash }) => from < bytes && hash !== decoder.topicsHash);
  }

  async #forgetRejections(): Promise<void> {
    const { client, collector } = this.#context;
    const known = this.#known;
    if (known === undefined || !(await this.#isRemapped(known))) return;
    await forgetRejections(client, collector, known.path, known.bytes);
  }

  /** A file that is shorter than what was loaded of it took the name of another one. @returns false to leave it alone. */
  #isKnownFile(): Promise<boolean> {
    const { path, bytes } = this.#file;
    // The last line may count a line end that it lacks; how long a compressed file is, nobody knows beforehand.
    const shorter = this.#known !== undefined && formOf(path) === 'plain' && bytes + 1 < this.#known.bytes;
    return shorter ? this.#startAfresh() : Promise.resolve(true);
  }

  /** Looks at the first line. @returns false to leave the file alone. */
  #begin(bytes: Buffer): Promise<boolean> {
    const hash = firstLineHash(bytes.subarray(0, bytes.indexOf(0x0a)));
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

  /** Puts back what silver lacks of lines that are counted already. */
  async #backfill(start: number, bytes: Buffer): Promise<void> {
    const { client, decoder, store, forgotten } = this.#context;
    const block = { file: this.#file.name, start, bytes, watermark: this.#watermark };
    const stored = (counters: Counters) => {
      addCounters(this.#sum, counters);
      addCounters(this.#counted, counters);
    };
    await store.backfill(client, block, decoder, stored, line => forgotten.kept(line));
  }

  /** Loads lines that are new, many at a time. */
  async #load(start: number, bytes: Buffer): Promise<void> {
    this.#pieces.push(bytes);
    this.#from ??= start;
    if (start + bytes.length - this.#from >= BATCH_BYTES) await this.#flush();
  }

  async #flush(): Promise<void> {
    const { client, decoder, store } = this.#context;
    if (this.#from === undefined) return;
    const bytes = Buffer.concat(this.#pieces);
    const block = { file: this.#file.name, start: this.#from, bytes, watermark: this.#watermark };
    this.#from = undefined;
    this.#pieces = [];
    await store.store(client, [block], decoder, counters => addCounters(this.#sum, counters));
    this.#watermark = block.watermark;
  }
}
