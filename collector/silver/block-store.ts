import type { ClientBase } from 'pg';
import type { Zone } from '../../base/time.ts';
import { splitLines } from '../bronze/line-reader.ts';
import { type BatchLine, markLate, prepareLine } from './batch.ts';
import { storeBisecting } from './bisect.ts';
import type { Block } from './block.ts';
import type { Counters } from './byte-range.ts';
import { DirectBatch } from './direct-batch.ts';
import { firstLineHash } from './ledger.ts';
import type { LoaderLog } from './protocol.ts';
import type { Registry } from './registry.ts';
import { remedyOf } from './remedy.ts';
import { SeenSensors } from './seen-sensors.ts';
import { storeBatch } from './store.ts';
import { storeDirect } from './store-direct.ts';

/** Up to where a file is loaded, in bytes, and the newest second (since 1970) that was recorded before, where one is known. */
export interface LoadedTo {
  offset: number;
  newest: number | undefined;
}

/** Told what is committed, as it happens: what became of some lines, and up to where each of their files is loaded. */
export type OnStored = (counters: Counters, ends: Map<string, LoadedTo>) => void;

/** Stores new lines: straight into silver while nothing is there twice, line by line where something is. */
export class BlockStore {
  readonly #collector: string;
  readonly #zone: Zone;
  readonly #log: LoaderLog;
  /** Whether the last batch brought nothing that silver had already. Duplicates come in swarms, after a reconnect. */
  #direct = true;
  #client: ClientBase | undefined;
  #seen = new SeenSensors();

  constructor(collector: string, zone: Zone, log: LoaderLog) {
    this.#collector = collector;
    this.#zone = zone;
    this.#log = log;
  }

  /** @throws errors that blame no row, with what was told to `stored` committed. */
  async store(client: ClientBase, blocks: Block[], registry: Registry, stored: OnStored): Promise<void> {
    if (this.#direct && (await this.#tryDirect(client, blocks, registry, stored))) return;
    const hashes = new Map<string, string>();
    for (const { file, start, bytes } of blocks) {
      if (start === 0) hashes.set(file, firstLineHash(bytes.subarray(0, bytes.indexOf(0x0a))));
    }
    this.#direct = true;
    await storeBisecting(
      blocks.flatMap(block => this.#linesOf(block, registry)),
      some => storeBatch(client, this.#collector, some, hashes, 'advance', this.#seenOn(client)),
      (some, counters) => {
        if (counters.duplicates + counters.conflicts > 0) this.#direct = false;
        stored(counters, new Map(some.map(({ file, end, newest }) => [file, { offset: end, newest }])));
      },
      this.#log,
    );
  }

  /** Puts back what silver lacks of lines that the ledger counts already. @param isKept which of them. */
  async backfill(
    client: ClientBase,
    block: Block,
    registry: Registry,
    stored: (counters: Counters) => void,
    isKept: (line: BatchLine) => boolean = () => true,
  ): Promise<void> {
    await storeBisecting(
      this.#linesOf(block, registry).filter(isKept),
      some => storeBatch(client, this.#collector, some, new Map(), 'backfill', this.#seenOn(client)),
      (_, counters) => stored(counters),
      this.#log,
    );
  }

  /** @returns false when a row is to blame: it is there already, or cannot be stored at all. */
  async #tryDirect(
    client: ClientBase,
    blocks: Block[],
    registry: Registry,
    stored: OnStored,
  ): Promise<boolean> {
    const tried = blocks.map(block => ({ ...block, watermark: block.watermark.fork() }));
    const batch = new DirectBatch(tried, this.#zone, registry);
    try {
      await storeDirect(client, this.#collector, batch, this.#seenOn(client));
    } catch (error) {
      if (remedyOf(error) === 'retry') throw error;
      return false;
    }
    for (const [index, block] of blocks.entries()) block.watermark = tried[index]!.watermark;
    for (const range of batch.ranges) {
      stored(range, new Map([[range.file, { offset: range.to, newest: range.newest }]]));
    }
    return true;
  }

  /** Looks at each line: tells duplicates, conflicts and rows that cannot be stored from the others. */
  #linesOf({ file, start, bytes, watermark }: Block, registry: Registry): BatchLine[] {
    return splitLines(bytes, start).map(raw => {
      const line = prepareLine(file, raw, this.#zone, registry);
      markLate(line, watermark);
      return line;
    });
  }

  /** What the database of a connection has seen; the next connection may lead to one that was restored. */
  #seenOn(client: ClientBase): SeenSensors {
    if (client !== this.#client) this.#seen = new SeenSensors();
    this.#client = client;
    return this.#seen;
  }
}
