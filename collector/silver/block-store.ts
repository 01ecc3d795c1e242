import type { ClientBase } from 'pg';
import { splitLines } from '../bronze/line-reader.ts';
import type { Zone } from '../time.ts';
import { type BatchLine, prepareLine } from './batch.ts';
import { directBatch } from './direct-batch.ts';
import { firstLineHash } from './ledger.ts';
import { storeNarrowing } from './narrow.ts';
import type { LoaderLog } from './protocol.ts';
import type { Registry } from './registry.ts';
import { storeBatch } from './store.ts';
import { storeDirect } from './store-direct.ts';
import type { Tally } from './stretch.ts';
import { verdictOf } from './verdict.ts';

/** Whole lines of one file, as they stand there from byte `start` on. */
export interface Block {
  file: string;
  start: number;
  bytes: Buffer;
}

/**
 * Told what is committed, as it happens: what became of some lines, and up to which byte each of their files is loaded.
 */
export type OnStored = (tally: Tally, ends: Map<string, number>) => void;

/** Stores new lines: straight into silver while nothing is there twice, line by line where something is. */
export class BlockStore {
  readonly #collector: string;
  readonly #zone: Zone;
  readonly #log: LoaderLog;
  /** Whether the last batch brought nothing that silver had already. Duplicates come in swarms, after a reconnect. */
  #direct = true;

  constructor(collector: string, zone: Zone, log: LoaderLog) {
    this.#collector = collector;
    this.#zone = zone;
    this.#log = log;
  }

  /** @throws errors that blame no row, with what was told to `stored` committed. */
  async store(
    client: ClientBase,
    blocks: readonly Block[],
    registry: Registry,
    stored: OnStored,
  ): Promise<void> {
    if (this.#direct && (await this.#tryDirect(client, blocks, registry, stored))) return;
    await this.#storeEach(client, blocks, registry, stored);
  }

  /** @returns false when a row is to blame: it is there already, or cannot be stored at all. */
  async #tryDirect(
    client: ClientBase,
    blocks: readonly Block[],
    registry: Registry,
    stored: OnStored,
  ): Promise<boolean> {
    const batch = directBatch(blocks, this.#zone, registry);
    try {
      await storeDirect(client, this.#collector, batch);
    } catch (error) {
      if (verdictOf(error) === 'retry') throw error;
      return false;
    }
    for (const stretch of batch.stretches) stored(stretch, new Map([[stretch.file, stretch.to]]));
    return true;
  }

  /** Looks at each line: tells duplicates, conflicts and rows that cannot be stored from the others. */
  async #storeEach(
    client: ClientBase,
    blocks: readonly Block[],
    registry: Registry,
    stored: OnStored,
  ): Promise<void> {
    const hashes = new Map<string, string>();
    const lines: BatchLine[] = [];
    for (const { file, start, bytes } of blocks) {
      const raw = splitLines(bytes, start);
      if (start === 0) hashes.set(file, firstLineHash(raw[0]!.bytes));
      for (const line of raw) lines.push(prepareLine(file, line, this.#zone, registry));
    }
    this.#direct = true;
    await storeNarrowing(
      lines,
      some => storeBatch(client, this.#collector, some, hashes),
      (some, tally) => {
        if (tally.duplicates + tally.conflicts > 0) this.#direct = false;
        stored(tally, new Map(some.map(({ file, end }) => [file, end])));
      },
      this.#log,
    );
  }
}
