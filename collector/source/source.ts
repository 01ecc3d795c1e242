/** How a source stands with its broker. */
export interface BrokerStatus {
  connected: boolean;
  /** ISO 8601; when `connected` became what it is. */
  since: string;
  /** Why there is no connection. */
  reason?: string;
}

/** What a source has done since its start. */
export interface SourceCounts {
  received: number;
  /** Of them, those that the broker says it has sent before, to this collector or to another one. */
  redelivered: number;
  acknowledged: number;
  connections: number;
  /** Messages that nobody sends again and that could not be recorded (MQTT, QoS 0). */
  lost: number;
}

/** A way in for messages of a broker: it hands them to the recorder and acknowledges them when they are on disk. */
export interface Source {
  /** Starts connecting; does not wait for the broker. */
  start(): void;
  /**
   * Brings what these topic filters match as well, from now on or from the next connection on.
   * @throws where the broker refuses; it brings what it brought before then.
   */
  widen(filters: readonly string[]): Promise<void>;
  /** Brings what these topic filters match and nothing else; they are subscribed already. Never rejects. */
  narrow(filters: readonly string[]): Promise<void>;
  /** Publishes a message with QoS 0, where it can. @returns false where it cannot, or not now. */
  publish(topic: string, payload: Buffer): boolean;
  /** Stops receiving, and acknowledges what is recorded. */
  stop(): Promise<void>;
  readonly status: BrokerStatus;
  readonly counts: SourceCounts;
  /** What is wrong with a connection that stands, for a person; undefined where all is well. */
  readonly warning: string | undefined;
}
