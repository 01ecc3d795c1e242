import type { Micros } from '../../base/time.ts';
import type { Delivery } from './delivery.ts';

/**
 * Bytes that may wait for the disk before a source takes no more. The limits of the brokers count messages: MQTT 5's Receive
 * Maximum does, and 3.1.1 (all that aedes speaks) has none at all.
 */
export const MOST_PENDING_BYTES = 64 * 1024 * 1024;

/** What has become of messages that were handed to a sink. */
export interface Receipt {
  /** Resolves when every message of the receipt is on disk; rejects when none of them counts. */
  readonly durable: Promise<void>;
}

/** Where a message comes from, as far as its source knows. One object may serve many messages. */
export interface Origin {
  /**
   * Names the session of the broker (or the stream) within which packet identifiers mean something: what it sends again, after
   * a restart of ours too, comes with the same name. Printable ASCII.
   */
  readonly session: string;
  /** When the broker took the message, where it says so. */
  readonly arrival?: Micros;
  /** Length of the payload as it was sent, where only its beginning is handed over. */
  readonly payloadBytes?: number;
}

/** Where sources bring their messages: the recorder, as they see it. */
export interface Sink {
  /**
   * Takes a message.
   * @param topic text, or its bytes; overwritten after the call, and so is `payload`.
   * @param delivery how the broker delivered it.
   * @param origin absent where no broker or stream delivered it: then it is a plain message, whatever its topic.
   * @returns the same receipt for messages that become durable together.
   */
  record(topic: string | Buffer, payload: Buffer, delivery?: Delivery, origin?: Origin): Receipt;
  /** Why nothing can be recorded at present; undefined when all is well. */
  readonly failure: Error | undefined;
  /** Bytes of messages that are not yet on disk. */
  readonly pendingBytes: number;
  /** Whether messages come in a stream, rather than now and then. */
  readonly underLoad: boolean;
  /** Resolves when something can be recorded. */
  untilRecording(): Promise<void>;
}
