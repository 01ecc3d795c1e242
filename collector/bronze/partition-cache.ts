import { utcDate } from '../../base/time.ts';
import { canonicalHead, secondOfDay } from '../payload/canonical.ts';
import type { Reading } from '../payload/message.ts';
import type { Partition } from './newest.ts';

/** No canonical payload is longer. */
const MOST_BYTES = 192;
const MOST_HEADS = 50_000;

/**
 * Remembers where payloads of the common form go: what begins with the same id and date, and is well formed up to its
 * end, goes into the same file. It spares most messages the decoding.
 */
export class PartitionCache {
  readonly #partitions = new Map<string, Partition>();
  /** The second (since 1970) of the payload that was found last. */
  second = 0;

  /** The partition of a payload, if one that begins like it was decoded before. */
  find(payload: Buffer): Partition | undefined {
    if (payload.length > MOST_BYTES) return undefined;
    const head = canonicalHead(payload);
    const partition = head === undefined ? undefined : this.#partitions.get(head);
    // The head is ASCII, and the time follows behind a T.
    if (partition !== undefined) this.second = partition.day + secondOfDay(payload, head!.length + 1);
    return partition;
  }

  /**
   * Notes where a payload went.
   * @param now ms since 1970: a date that is not over is not remembered before it has come, as whether a reading is more
   * than a day ahead is to be asked each time.
   */
  learn(payload: Buffer, { time }: Reading, partition: Partition, now: number): void {
    if (payload.length > MOST_BYTES || utcDate(time) > utcDate(now * 1000)) return;
    const head = canonicalHead(payload);
    if (head === undefined) return;
    if (this.#partitions.size >= MOST_HEADS) this.#partitions.clear();
    this.#partitions.set(head, partition);
  }

  clear(): void {
    this.#partitions.clear();
  }
}
