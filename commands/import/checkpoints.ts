import { setImmediate } from 'node:timers/promises';
import type { Receipt } from '../../collector/source/sink.ts';
import type { Imported, ImportJournal } from './journal.ts';

/** The journal is written this often: what is imported again after a crash. */
const EVERY_MS = 1000;

/** What is being recorded, and what the journal says once it is on disk. */
export class Checkpoints {
  readonly #journal: ImportJournal;
  /** In the order in which they become durable. */
  readonly #waiting: { receipt: Receipt | undefined; entry: Imported }[] = [];
  /** On disk, but not in the journal yet; the last of each file. */
  readonly #due = new Map<string, Imported>();
  #notedAt = performance.now();

  constructor(journal: ImportJournal) {
    this.#journal = journal;
  }

  /** @param receipt of the last of what the entry speaks of; undefined: nothing is on its way. */
  add(receipt: Receipt | undefined, entry: Imported): void {
    const last = this.#waiting.at(-1);
    if (last?.receipt === receipt && last?.entry.key === entry.key) last.entry = entry;
    else this.#waiting.push({ receipt, entry });
  }

  /**
   * Waits until the oldest of what is being recorded is on disk.
   * @throws the disk's error.
   */
  async settleOldest(): Promise<void> {
    const oldest = this.#waiting.shift();
    if (oldest === undefined) return setImmediate();
    await oldest.receipt?.durable;
    this.#due.set(oldest.entry.key, oldest.entry);
    if (performance.now() - this.#notedAt > EVERY_MS) await this.#note();
  }

  /** Waits until everything is on disk and in the journal. */
  async settleAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.settleOldest();
    await this.#note();
  }

  async #note(): Promise<void> {
    this.#notedAt = performance.now();
    await this.#journal.note([...this.#due.values()]);
    this.#due.clear();
  }
}
