/** What is looked back on: long enough that a burst is not a stream. */
const SAMPLES = 6;
/** Fewer messages than this are not a stream. */
const LEAST_MESSAGES = 20;
const MOST_SHARE = 0.5;

/** Counters of messages since the start of the process. */
export interface MessageCounts {
  received: number;
  rejected: number;
}

/**
 * Notices a stream that is mostly rejected: a wrong topics file, a new kind of device, a clock that is wrong. Each of its
 * messages is kept with its reason, but nobody looks there unless told to.
 */
export class RejectWatch {
  /** The oldest first. */
  readonly #samples: MessageCounts[] = [];

  /** Takes the counters; to be called every ten seconds. */
  sample(counts: MessageCounts): void {
    this.#samples.push(counts);
    if (this.#samples.length > SAMPLES + 1) this.#samples.shift();
  }

  /** What to say of the last minute; undefined where no more than half of it was rejected. */
  reason(): string | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const received = last.received - first.received;
    const rejected = last.rejected - first.rejected;
    if (received < LEAST_MESSAGES || rejected / received <= MOST_SHARE) return undefined;
    return `${rejected} of the last ${received} messages were rejected; data/rejected has each with its reason`;
  }
}
