import type { Message } from './message.ts';

/** Messages that are sent together. */
export interface Batch {
  messages: readonly Message[];
}

/**
 * What an outlet sends from: raw files as far as they are loaded, or means as they are refreshed. What was read and not
 * confirmed by `sent` is on its way, until `rewind`.
 */
export interface Supply<B extends Batch = Batch> extends AsyncDisposable {
  /** Brings what is told of it up to date, also while nothing can be sent. */
  look(): Promise<void>;
  /** What comes next, behind what is on its way; undefined: there is nothing, or nothing until that has arrived. */
  next(): Promise<B | undefined>;
  /**
   * Notes that the consumer has batches for good, in the order in which they were read.
   * @param refused how many of their messages are dead letters.
   */
  sent(batches: readonly B[], refused: number): Promise<void>;
  /** Forgets what is on its way: it is read again. */
  rewind(): void;
  /** What waits to be sent: bytes of raw files, or means. */
  readonly waiting: number;
  readonly unit: 'bytes' | 'means';
  /** Lines, or means, that were given up since the outlet was made. */
  readonly skipped: number;
  /** What the consumer has confirmed since then. */
  readonly confirmed: number;
  /** What the consumer has refused since then: dead letters. */
  readonly refused: number;
}
