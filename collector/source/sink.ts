/** What has become of messages that were handed to a sink. */
export interface Receipt {
  /** Resolves when every message of the receipt is on disk; rejects when none of them counts. */
  readonly durable: Promise<void>;
}

/** Where sources bring their messages: the recorder, as they see it. */
export interface Sink {
  /**
   * Takes a message.
   * @param topic text, or its bytes; overwritten after the call, and so is `payload`.
   * @returns the same receipt for messages that become durable together.
   */
  record(topic: string | Buffer, payload: Buffer): Receipt;
  /** Why nothing can be recorded at present; undefined when all is well. */
  readonly failure: Error | undefined;
  /** Bytes of messages that are not yet on disk. */
  readonly pendingBytes: number;
  /** Whether messages come in a stream, rather than now and then. */
  readonly underLoad: boolean;
  /** Resolves when something can be recorded. */
  untilRecording(): Promise<void>;
}
