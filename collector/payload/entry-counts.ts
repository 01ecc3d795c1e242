/** A count of messages or readings of an entry of the topics file, that had one fate. */
export interface EntryCount {
  /** The filter as it is written (`TopicEntry.name`), or one of the names below. */
  entry: string;
  reason: string;
  count: number;
}

/** The entry of whatever does not come by a topics file: plain messages of MQTT, and HTTP. */
export const PLAIN = 'plain messages';
/** What stands for the entry of messages that none takes. */
export const NO_ENTRY = 'no entry';

/** Counts by entry and reason. Both are few: entries are written by hand, reasons are fixed texts. */
export class EntryCounts {
  readonly #byEntry = new Map<string, Map<string, number>>();
  /** The sum of all. */
  total = 0;

  add(entry: string, reason: string, count = 1): void {
    let byReason = this.#byEntry.get(entry);
    if (byReason === undefined) {
      byReason = new Map();
      this.#byEntry.set(entry, byReason);
    }
    byReason.set(reason, (byReason.get(reason) ?? 0) + count);
    this.total += count;
  }

  addAll(counts: Iterable<EntryCount>): void {
    for (const { entry, reason, count } of counts) this.add(entry, reason, count);
  }

  *[Symbol.iterator](): Generator<EntryCount> {
    for (const [entry, byReason] of this.#byEntry) {
      for (const [reason, count] of byReason) yield { entry, reason, count };
    }
  }
}
