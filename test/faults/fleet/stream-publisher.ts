import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { loadNats, type NatsLibrary } from '../../../collector/source/jetstream/nats-client.ts';

/** The stream and the consumer of a run. */
export const STREAM = 'sensors';
export const CONSUMER = 'fleet';

/** How long a member may take until another one gets its messages: short, so that a run shows it often; ms. */
const ACK_WAIT_MS = 5000;
/** Messages that wait for their acknowledgement. */
const WINDOW = 500;
const ANSWER_MS = 5000;
const RETRY_MS = 200;

/** A reading that was sent; no two have the same value. */
export interface Sent {
  sensor: string;
  /** ISO 8601; undefined: its message has no time, so it gets that of its arrival. */
  time?: string;
  value: number;
}

/** What the messages mean: every second one is a bare number. */
export const TOPICS = `topics:
  - filter: sensors/#
  - filter: plain/{sensor}
    format: number
    sensor: "plain {sensor}"
`;

/**
 * Publishes readings to the stream, each until it is acknowledged: then a majority of the cluster has it. Every reading is
 * one of its own; what is published again carries its id, by which the stream drops it.
 */
export class StreamPublisher implements AsyncDisposable {
  readonly #library: NatsLibrary;
  readonly #connection: NatsConnection;
  readonly acknowledged: Sent[] = [];

  private constructor(library: NatsLibrary, connection: NatsConnection) {
    this.#library = library;
    this.#connection = connection;
  }

  /** Connects, and makes the stream, on as many servers as there are, and its consumer. */
  static async start(servers: string[]): Promise<StreamPublisher> {
    const library = await loadNats();
    const { AckPolicy, connect, jetstreamManager } = library;
    const connection = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: RETRY_MS });
    const publisher = new StreamPublisher(library, connection);
    // The cluster has to find its leader first.
    await publisher.#insist(async () => {
      const manager = await jetstreamManager(connection);
      await manager.streams.add({
        name: STREAM,
        subjects: ['sensors.>', 'plain.>'],
        num_replicas: servers.length,
      });
      await manager.consumers.add(STREAM, {
        durable_name: CONSUMER,
        ack_policy: AckPolicy.Explicit,
        ack_wait: ACK_WAIT_MS * 1e6,
        max_ack_pending: 20_000,
      });
    });
    return publisher;
  }

  /** Publishes at a rate until the time is over; resolves when everything is acknowledged. @param rate messages a second. */
  async run(rate: number, sensors: number, ms: number, signal: AbortSignal): Promise<void> {
    const began = Date.now();
    const pending = new Set<Promise<void>>();
    for (let index = 0; Date.now() < began + ms; index++) {
      signal.throwIfAborted();
      const due = began + (index * 1000) / rate;
      await sleep(Math.max(0, due - Date.now()));
      if (pending.size >= WINDOW) await Promise.race(pending);
      const number = (Math.floor(index / 2) % sensors) + 1;
      const time = new Date(began - 86_400_000 + Math.floor(index / sensors)).toISOString();
      const publishing: Promise<void> = (
        index % 2 === 0
          ? this.#publish(`sensors.${number}`, { sensor: `Sensor ${number}`, time, value: index })
          : this.#publish(`plain.${number}`, { sensor: `plain ${number}`, value: index })
      ).finally(() => pending.delete(publishing));
      pending.add(publishing);
    }
    await Promise.all(pending);
  }

  /** Messages of the consumer that nobody has had, and that nobody has acknowledged. Infinite while no server answers. */
  async left(): Promise<number> {
    try {
      const manager = await this.#library.jetstreamManager(this.#connection, { checkAPI: false });
      const { num_pending, num_ack_pending } = await manager.consumers.info(STREAM, CONSUMER);
      return num_pending + num_ack_pending;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }

  async #publish(subject: string, sent: Sent): Promise<void> {
    const { sensor, time, value } = sent;
    const payload = time === undefined ? String(value) : JSON.stringify({ id: sensor, dt: time, value });
    const { jetstream } = this.#library;
    await this.#insist(() =>
      jetstream(this.#connection).publish(subject, payload, { msgID: String(value), timeout: ANSWER_MS }),
    );
    this.acknowledged.push(sent);
  }

  async #insist(task: () => Promise<unknown>): Promise<void> {
    for (;;) {
      const done = await task().then(
        () => true,
        () => false,
      );
      if (done) return;
      if (this.#connection.isClosed()) throw new Error('the connection to NATS is closed');
      await sleep(RETRY_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}
