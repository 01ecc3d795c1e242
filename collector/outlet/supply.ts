import type { Message } from './message.ts';

/** Messages that are sent together. */
export interface Batch {
  messages: readonly Message[];
}

/** What an outlet sends from: raw files as far as they are loaded, or means as they are refreshed. It moves only by `sent`. */
export interface Supply<B extends Batch = Batch> extends AsyncDisposable {
  /** Brings what is told of it up to date, while nothing can be sent. */
  look(): Promise<void>;
  /** What comes next; undefined: there is nothing at present. */
  next(): Promise<B | undefined>;
  /** Notes that the consumer has a batch for good. */
  sent(batch: B): Promise<void>;
  /** What waits to be sent: bytes of raw files, or means. */
  readonly waiting: number;
  readonly unit: 'bytes' | 'means';
  /** Lines, or means, that were given up since the outlet was made. */
  readonly skipped: number;
  /** What the consumer has confirmed since then. */
  readonly confirmed: number;
}
