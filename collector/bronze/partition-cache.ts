import { canonicalHead } from '../canonical.ts';
import type { Reading } from '../message.ts';
import { utcDate } from '../time.ts';

/** No canonical payload is longer. */
const MOST_BYTES = 192;
const MOST_HEADS = 50_000;

/**
 * Remembers where payloads of the common form go: what begins with the same id and date, and is well formed up to its
 * end, goes into the same file. It spares most messages the decoding.
 */
export class PartitionCache {
  readonly #files = new Map<string, string>();

  /** The file of a payload, if one that begins like it was decoded before. */
  fileOf(payload: Buffer): string | undefined {
    if (payload.length > MOST_BYTES) return undefined;
    const head = canonicalHead(payload);
    return head === undefined ? undefined : this.#files.get(head);
  }

  /**
   * Notes where a payload went.
   * @param now ms since 1970: a date that is not over is not remembered before it has come, as whether a reading is more
   * than a day ahead is to be asked each time.
   */
  learn(payload: Buffer, { time }: Reading, file: string, now: number): void {
    if (payload.length > MOST_BYTES || utcDate(time) > utcDate(now * 1000)) return;
    const head = canonicalHead(payload);
    if (head === undefined) return;
    if (this.#files.size >= MOST_HEADS) this.#files.clear();
    this.#files.set(head, file);
  }
}
