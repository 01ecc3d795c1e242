import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { Backoff } from '../../../base/backoff.ts';
import type { Config } from '../../../base/config.ts';
import { errorText } from '../../../base/errors.ts';
import { ConnectionStatus } from '../connection-status.ts';
import { deliveryOf } from '../delivery.ts';
import { MOST_PENDING_BYTES, type Sink } from '../sink.ts';
import type { BrokerStatus, Source, SourceCounts } from '../source.ts';
import { InFlight } from './in-flight.ts';
import { connectNats, demandConsumer, loadNats, type NatsLibrary } from './nats-client.ts';
import { topicOfSubject } from './topic.ts';

/** Bytes that the server sends ahead of what we have taken. More than the largest message (1 MB by default). */
const AHEAD_BYTES = 8 * 1024 * 1024;
const NANOS_PER_MS = 1_000_000;
/** QoS 1 and DUP, as in the first byte of a PUBLISH. */
const QOS_1 = 2;
const QOS_1_REPEATED = 10;

/**
 * Pulls messages from a durable consumer of a JetStream stream, hands them to the recorder, and acknowledges them when they
 * are on disk. Any number of collectors share one consumer: each message goes to one of them, and to another one when that
 * does not acknowledge it in time.
 *
 * A message's arrival is the time at which the stream took it, which is the same whoever gets it: delivered twice, to two
 * members, it is one reading.
 *
 * States: *connecting*, with backoff; *receiving*; *halted*, while the recorder cannot record: what it has refused is given
 * back, and no more is pulled.
 */
export class JetStreamSource implements Source {
  readonly #config: Config;
  readonly #servers: readonly string[];
  readonly #recorder: Sink;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #backoff = new Backoff(250, 30_000);
  readonly #inFlight = new InFlight();
  #loop: Promise<void> | undefined;
  #messages: ConsumerMessages | undefined;
  #received = 0;
  #redelivered = 0;
  readonly #status = new ConnectionStatus();
  readonly warning = undefined;

  /** @param servers `nats://` or `tls://` URLs of one cluster. */
  constructor(config: Config, servers: readonly string[], recorder: Sink, log: Logger) {
    this.#config = config;
    this.#servers = servers;
    this.#recorder = recorder;
    this.#log = log;
  }

  get status(): BrokerStatus {
    return this.#status.present;
  }

  get counts(): SourceCounts {
    return {
      received: this.#received,
      redelivered: this.#redelivered,
      acknowledged: this.#inFlight.acknowledged,
      connections: this.#status.connections,
      lost: 0,
    };
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** A consumer brings what its stream captures. */
  async widen(): Promise<void> {}

  async narrow(): Promise<void> {}

  /** The stream is read only. */
  publish(): boolean {
    return false;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#messages?.stop();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const library = await loadNats();
    while (!signal.aborted) {
      if (this.#recorder.failure !== undefined) {
        this.#status.away('recording has failed');
        await Promise.race([this.#recorder.untilRecording(), once(signal, 'abort')]);
      }
      if (signal.aborted) return;
      try {
        await this.#connectAndReceive(library);
      } catch (error) {
        this.#noteAway(error as Error);
      }
      if (signal.aborted) return;
      await sleep(this.#backoff.next(), undefined, { signal }).catch(() => undefined);
    }
  }

  async #connectAndReceive(library: NatsLibrary): Promise<void> {
    const { NATS_STREAM: stream, NATS_CONSUMER: name } = this.#config;
    const connection = await connectNats(library, this.#servers, this.#config);
    try {
      const manager = await library.jetstreamManager(connection);
      const { config } = await demandConsumer(library, manager, this.#config);
      const { created } = await manager.streams.info(stream);
      const consumer = await library.jetstream(connection).consumers.get(stream, name);
      if (this.#stopping.signal.aborted) return;
      const messages = await consumer.consume({ max_bytes: AHEAD_BYTES, abort_on_missing_resource: true });
      this.#messages = messages;
      if (this.#stopping.signal.aborted) messages.stop();
      this.#noteConnected(connection);
      void this.#follow(connection);
      const extending = setInterval(() => this.#inFlight.extend(), (config.ack_wait ?? 0) / NANOS_PER_MS / 3);
      try {
        // One that was made anew numbers its messages anew.
        await this.#receive(messages, `${stream}@${created}`);
      } finally {
        clearInterval(extending);
      }
    } finally {
      this.#messages = undefined;
      await this.#inFlight.settled();
      // Sends what is still to be sent: acknowledgements.
      await connection.drain().catch(() => undefined);
    }
  }

  async #receive(messages: ConsumerMessages, session: string): Promise<void> {
    for await (const message of messages) {
      // What came ahead and is not taken goes to another member at once.
      if (this.#stopping.signal.aborted) message.nak();
      else {
        const receipt = this.#take(message, session);
        if (this.#recorder.failure !== undefined) messages.stop();
        if (this.#recorder.pendingBytes > MOST_PENDING_BYTES) await receipt.durable.catch(() => undefined);
      }
    }
    if (this.#recorder.failure === undefined && !this.#stopping.signal.aborted) {
      throw new Error(`the consumer ${this.#config.NATS_CONSUMER} is gone, or its stream`);
    }
  }

  #take(message: JsMsg, session: string) {
    const { data, info } = message;
    this.#received++;
    if (info.redelivered) this.#redelivered++;
    this.#backoff.reset();
    const receipt = this.#recorder.record(
      topicOfSubject(message.subject),
      Buffer.from(data.buffer, data.byteOffset, data.byteLength),
      deliveryOf(info.streamSequence, info.redelivered ? QOS_1_REPEATED : QOS_1),
      { session, arrival: Number(message.timestampNanos / 1000n) },
    );
    this.#inFlight.add(message, receipt);
    return receipt;
  }

  /** Follows the connection, which the library makes anew whenever it is lost. */
  async #follow(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') this.#noteAway(new Error('the connection to NATS is lost'));
      else if (type === 'reconnect') this.#noteConnected(connection);
    }
  }

  #noteConnected(connection: NatsConnection): void {
    this.#status.connected();
    const { NATS_STREAM: stream, NATS_CONSUMER: consumer } = this.#config;
    this.#log.info({ server: connection.getServer(), stream, consumer }, 'connected to NATS');
  }

  #noteAway(error: Error): void {
    if (this.#stopping.signal.aborted) return;
    const reason = errorText(error);
    if (this.#status.away(reason)) this.#log.warn({ reason }, 'no connection to NATS; trying again');
  }
}
