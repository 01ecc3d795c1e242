import type { ClientBase } from 'pg';
import { splitLines } from '../bronze/line-reader.ts';
import { EntryCounts } from '../payload/entry-counts.ts';
import { type BatchLine, countRejected } from './batch-line.ts';
import { type Bisection, storeBisecting } from './bisect.ts';
import type { Block } from './block.ts';
import type { Counters } from './counters.ts';
import { DirectBatch } from './direct-batch.ts';
import { storeDirect } from './direct-store.ts';
import { firstLineHash } from './ledger.ts';
import type { LineDecoder } from './line-decoder.ts';
import type { LoaderLog } from './protocol.ts';
import { remedyOf } from './remedy.ts';
import { SeenSensors } from './seen-sensors.ts';
import { foundIn, type LedgerMode, storeStaged } from './staged-store.ts';

/** An error that nobody knows is this often taken for one that passes. */
const MOST_RETRIES = 3;

/** Up to where a file is loaded, in bytes, and the newest second (since 1970) that was recorded before, where one is known. */
export interface LoadedTo {
  offset: number;
  newest: number | undefined;
}

/** Told what is committed, as it happens: what became of some lines, and up to where each of their files is loaded. */
export type OnStored = (counters: Counters, ends: Map<string, LoadedTo>) => void;

/**
 * Stores the lines of blocks in one of two ways: *directly* into silver (direct-batch.ts, direct-store.ts) while nothing is
 * there twice, *staged* (staged-store.ts) where each line has to be looked at.
 */
export class BlockStore {
  readonly #collector: string;
  readonly #log: LoaderLog;
  /** Whether the last batch brought nothing that silver had already. Duplicates come in swarms, after a reconnect. */
  #direct = true;
  /** Errors that nobody knows, since something was stored to its end. */
  #suspects = 0;
  #client: ClientBase | undefined;
  #seen = new SeenSensors();
  #refused = new EntryCounts();

  constructor(collector: string, log: LoaderLog) {
    this.#collector = collector;
    this.#log = log;
  }

  /** What could not be stored of what was committed since the last call: lines, and readings of such. */
  takeRefused(): EntryCounts {
    const refused = this.#refused;
    this.#refused = new EntryCounts();
    return refused;
  }

  /** @throws errors that blame no row, with what was told to `stored` committed. */
  async store(client: ClientBase, blocks: Block[], decoder: LineDecoder, stored: OnStored): Promise<void> {
    if (this.#direct && (await this.#tryDirect(client, blocks, decoder, stored))) return;
    const hashes = new Map<string, string>();
    for (const { file, start, bytes } of blocks) {
      if (start === 0) hashes.set(file, firstLineHash(bytes.subarray(0, bytes.indexOf(0x0a))));
    }
    this.#direct = true;
    await this.#storeStaged(
      client,
      blocks.flatMap(block => linesOf(block, decoder)),
      'advance',
      hashes,
      {
        stored: (lines, counters) => {
          if (counters.duplicates + counters.conflicts > 0) this.#direct = false;
          for (const found of foundIn(lines)) decoder.learn(found);
          for (const line of lines) countRejected(this.#refused, line);
          stored(counters, new Map(lines.map(({ file, end, newest }) => [file, { offset: end, newest }])));
        },
      },
    );
  }

  /** Puts back what silver lacks of lines that the ledger counts already. @param kept what of a line is; undefined: nothing. */
  async backfill(
    client: ClientBase,
    block: Block,
    decoder: LineDecoder,
    stored: (counters: Counters) => void,
    kept: (line: BatchLine) => BatchLine | undefined = line => line,
  ): Promise<void> {
    const lines = linesOf(block, decoder).flatMap(line => kept(line) ?? []);
    await this.#storeStaged(client, lines, 'backfill', new Map(), {
      stored: (some, counters) => {
        for (const found of foundIn(some)) decoder.learn(found);
        stored(counters);
      },
    });
  }

  async #storeStaged(
    client: ClientBase,
    lines: readonly BatchLine[],
    mode: LedgerMode,
    hashes: ReadonlyMap<string, string>,
    { stored }: Pick<Bisection, 'stored'>,
  ): Promise<void> {
    const store = (some: readonly BatchLine[], how: LedgerMode) =>
      storeStaged(client, this.#collector, some, hashes, how, this.#seenOn(client));
    await storeBisecting(lines, {
      store: some => store(some, mode),
      rehearse: line => store([line], 'rehearse'),
      stored,
      blamesRow: error => this.#blamesRow(client, error),
      log: this.#log,
    });
    this.#suspects = 0;
  }

  /** @returns false when a row is to blame: it is there already, or cannot be stored at all. */
  async #tryDirect(
    client: ClientBase,
    blocks: Block[],
    decoder: LineDecoder,
    stored: OnStored,
  ): Promise<boolean> {
    const tried = blocks.map(block => ({ ...block, watermark: block.watermark.fork() }));
    const seen = this.#seenOn(client);
    const batch = new DirectBatch(tried, decoder, seen);
    try {
      await storeDirect(client, this.#collector, batch, seen);
    } catch (error) {
      if (remedyOf(error) === 'retry') throw error;
      return false;
    }
    this.#suspects = 0;
    for (const [index, block] of blocks.entries()) block.watermark = tried[index]!.watermark;
    for (const found of batch.found.values()) decoder.learn(found);
    for (const line of batch.rejected) countRejected(this.#refused, line);
    for (const range of batch.ranges) {
      stored(range, new Map([[range.file, { offset: range.to, newest: range.newest }]]));
    }
    return true;
  }

  /** Of an error that nobody knows a row is to blame when it stays, and the database takes other rows. */
  async #blamesRow(client: ClientBase, error: unknown): Promise<boolean> {
    const remedy = remedyOf(error);
    if (remedy !== 'suspect') return remedy === 'bisect';
    if (++this.#suspects <= MOST_RETRIES) return false;
    return takesRows(client);
  }

  /** Sensors may have gone from the database. */
  forgetSeen(): void {
    this.#seen = new SeenSensors();
  }

  /** What the database of a connection has seen; the next connection may lead to one that was restored. */
  #seenOn(client: ClientBase): SeenSensors {
    if (client !== this.#client) this.#seen = new SeenSensors();
    this.#client = client;
    return this.#seen;
  }
}

/** Looks at each line: tells duplicates, conflicts and rows that cannot be stored from the others. */
function linesOf({ file, start, bytes, watermark }: Block, decoder: LineDecoder): BatchLine[] {
  return splitLines(bytes, start).map(raw => decoder.decode(file, raw, watermark));
}

/** Whether the database takes a row that nothing can be wrong with. It is rolled back. */
async function takesRows(client: ClientBase): Promise<boolean> {
  try {
    await client.query(
      `BEGIN; INSERT INTO silver.sensor_reading (time, sensor_id, value, quality) VALUES (now(), '', 0, 'valid')`,
    );
    return true;
  } catch {
    return false;
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}
