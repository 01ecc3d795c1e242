import type { Micros } from '../../base/time.ts';
import type { CommonForm } from '../payload/decoder.ts';
import type { Reading } from '../payload/reading.ts';
import type { Partition } from './sensor-partition.ts';

/** No payload of the common form is longer. */
const MOST_BYTES = 192;
const MOST_HEADS = 150_000;
const DAY: Micros = 86_400e6;

/** Where payloads with one beginning go, and at which byte their time stands. */
export interface Known {
  partition: Partition;
  timeAt: number;
}

/**
 * Remembers where payloads of the common form go: what begins with the same id and date (where files are by hour, with the
 * hour as well), and is well formed up to its end, goes into the same file. It spares most messages the decoding.
 *
 * It is asked for every message, so it forgets what it learnt first, not what it used last: keeping the order of use costs more
 * than the rest of a look (6 % of the main thread's time at 1,000 sensors).
 */
export class PartitionCache {
  readonly #known = new Map<string, Known>();
  readonly #hourly: boolean;

  /** @param hourly files are by hour. */
  constructor(hourly: boolean) {
    this.#hourly = hourly;
  }

  /** Where a payload goes, if one that begins like it was decoded before. */
  find(form: CommonForm, payload: Buffer): Known | undefined {
    if (payload.length > MOST_BYTES) return undefined;
    const head = this.#headOf(form, payload);
    return head === undefined ? undefined : this.#known.get(head);
  }

  /**
   * Notes where a payload went.
   * @param now ms since 1970: a date that is not over is not remembered before it has come, as whether a reading is more
   * than a day ahead is to be asked each time.
   */
  learn(form: CommonForm, payload: Buffer, { time }: Reading, partition: Partition, now: number): void {
    if (payload.length > MOST_BYTES || Math.floor(time / DAY) > Math.floor((now * 1000) / DAY)) return;
    const head = this.#headOf(form, payload);
    if (head === undefined) return;
    // The head is ASCII, and ends behind the date, or behind the hour: the time follows a T.
    const timeAt = this.#hourly ? head.length - 2 : head.length + 1;
    if (this.#known.size >= MOST_HEADS) this.#known.delete(this.#known.keys().next().value!);
    // A copy: a part of a text would keep the whole of it in memory.
    this.#known.set(Buffer.from(head, 'latin1').toString('latin1'), { partition, timeAt });
  }

  #headOf(form: CommonForm, payload: Buffer): string | undefined {
    return this.#hourly ? form.hourHead(payload) : form.head(payload);
  }

  clear(): void {
    this.#known.clear();
  }
}
