import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Backoff } from '../../../base/backoff.ts';
import { errorText } from '../../../base/errors.ts';
import type { Config } from '../../../base/settings.ts';
import { type Delivery, packetIdOf, qosOf } from '../delivery.ts';
import type { Origin, Receipt, Sink } from '../sink.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { ClosedSilentlyError, MqttConnection, type Receiver, TakenOverError } from './mqtt-connection.ts';
import { Takeovers } from './takeovers.ts';

/**
 * Bytes that may wait for the disk before we stop reading from the broker. MQTT 5's Receive Maximum counts messages,
 * and 3.1.1 (all that aedes speaks) has no limit at all.
 */
const MOST_PENDING_BYTES = 64 * 1024 * 1024;

/** Under load bytes gather for this long between two reads: a read for each message cost more than half of our time. */
const GATHER_MS = 5;
/** Only a connection that has lived this long shows that the trouble is over; others go on with the backoff. */
const STEADY_MS = 60_000;
/** How long we leave the session to another client before we look whether it is still there. */
const PARKED_MS = 10 * 60_000;

/** Reason codes with which a broker says that it does not speak MQTT 5: 1 in the form of 3.1.1, 132 in that of 5. */
const UNACCEPTABLE_VERSION = new Set([1, 132]);

export interface BrokerStatus {
  connected: boolean;
  /** ISO 8601; when `connected` became what it is. */
  since: string;
  /** Why there is no connection. */
  reason?: string;
}

/** What a receipt has of one connection: the messages to acknowledge when they are on disk. */
interface Unacknowledged {
  receipt: Receipt;
  connection: MqttConnection;
  acknowledgements: Acknowledgements;
  /** Messages of QoS 0, which nobody sends again. */
  unprotected: number;
}

/**
 * Subscribes, hands messages to the recorder, and acknowledges them when they are on disk.
 *
 * States: *connecting*, with backoff; *receiving*; *halted*, while the recorder cannot record: the connection is
 * dropped, so that the broker keeps what we cannot, and sends again what we did not acknowledge; *parked*, when another
 * client with our client id keeps taking the session over: two collectors would do that to each other for ever, so the one
 * that notices first leaves it to the other, which gets every message, and looks again every ten minutes.
 */
export class MqttSource {
  readonly #config: Config;
  readonly #recorder: Sink;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #backoff = new Backoff(250, 30_000);
  #loop: Promise<void> | undefined;
  #connection: MqttConnection | undefined;
  #protocol: 4 | 5 = 5;
  /** The connection was there before, so a broker without our session has lost it. */
  #hadSession = false;
  #origin: Origin = { session: randomBytes(6).toString('hex') };
  #unacknowledged: Unacknowledged | undefined;
  #acknowledging: Promise<unknown> = Promise.resolve();
  #warnedOfQos0 = false;
  readonly #takeovers = new Takeovers();
  status: BrokerStatus = { connected: false, since: new Date().toISOString(), reason: 'not connected yet' };
  readonly counts = { received: 0, acknowledged: 0, connections: 0, lost: 0 };

  constructor(config: Config, recorder: Sink, log: Logger) {
    this.#config = config;
    this.#recorder = recorder;
    this.#log = log;
  }

  /** Starts connecting; does not wait for the broker. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Stops receiving, acknowledges what is recorded, and says goodbye to the broker. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#unacknowledged?.receipt.durable.catch(() => undefined);
    await this.#acknowledging;
    await this.#connection?.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (this.#recorder.failure !== undefined) await this.#untilResumed();
      if (signal.aborted) return;
      try {
        await this.#connectAndReceive();
      } catch (error) {
        this.#noteAway(error as Error & { code?: number });
      }
      if (signal.aborted) return;
      const wait = this.parked ? PARKED_MS : this.#backoff.next();
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  async #connectAndReceive(): Promise<void> {
    const receiver: Receiver = {
      begin: sessionPresent => this.#beginSession(sessionPresent),
      receive: (...message) => this.#receive(...message),
    };
    const { connection, sessionPresent } = await MqttConnection.open(
      this.#config,
      this.#protocol,
      receiver,
      () => (this.#recorder.underLoad ? GATHER_MS : 0),
      this.#stopping.signal,
    ).catch(error => {
      this.#takeovers.failed();
      throw error;
    });
    this.#connection = connection;
    try {
      if (this.#stopping.signal.aborted) return;
      const { MQTT_TOPICS: topics, MQTT_QOS: qos } = this.#config;
      const lowered = await connection.subscribe(topics, qos);
      if (lowered.length > 0) {
        this.#log.warn(
          { topics: lowered },
          'the broker grants QoS 0 only: messages in flight can be lost there',
        );
      }
      const connectedAt = performance.now();
      this.#noteConnected(sessionPresent);
      const reason = await connection.closed;
      this.#noteEnd(reason, performance.now() - connectedAt);
      throw reason;
    } finally {
      this.#connection = undefined;
      this.#unacknowledged = undefined;
      connection.drop();
    }
  }

  /** A broker without our session gives packet identifiers anew: from here on they mean other messages. */
  #beginSession(sessionPresent: boolean): void {
    if (!sessionPresent) this.#origin = { session: randomBytes(6).toString('hex') };
  }

  #receive(
    topic: Buffer,
    payload: Buffer,
    delivery: Delivery,
    payloadBytes: number,
    connection: MqttConnection,
  ): Promise<unknown> | undefined {
    // While stopping nothing more is taken: the broker sends it again to the next collector.
    if (this.#stopping.signal.aborted) return undefined;
    this.counts.received++;
    const origin = payloadBytes === payload.length ? this.#origin : { ...this.#origin, payloadBytes };
    const receipt = this.#recorder.record(topic, payload, delivery, origin);
    let unacknowledged = this.#unacknowledged;
    if (
      unacknowledged === undefined ||
      unacknowledged.receipt !== receipt ||
      unacknowledged.connection !== connection
    ) {
      unacknowledged = { receipt, connection, acknowledgements: new Acknowledgements(), unprotected: 0 };
      this.#unacknowledged = unacknowledged;
      this.#acknowledgeWhenDurable(unacknowledged);
    }
    const id = packetIdOf(delivery);
    if (id !== 0) unacknowledged.acknowledgements.add(id, qosOf(delivery));
    else this.#noteUnprotected(unacknowledged, topic);
    if (this.#recorder.pendingBytes <= MOST_PENDING_BYTES) return undefined;
    return receipt.durable.catch(() => undefined);
  }

  #noteUnprotected(unacknowledged: Unacknowledged, topic: Buffer): void {
    unacknowledged.unprotected++;
    if (this.#warnedOfQos0) return;
    this.#warnedOfQos0 = true;
    this.#log.warn(
      { topic: topic.toString() },
      'messages arrive with QoS 0: nothing protects them on their way. Publish with QoS 1',
    );
  }

  #acknowledgeWhenDurable(unacknowledged: Unacknowledged): void {
    const { receipt, connection, acknowledgements } = unacknowledged;
    // Groups become durable in their order, so the last acknowledgement comes after all the others.
    this.#acknowledging = receipt.durable.then(
      async () => {
        await connection.acknowledge(acknowledgements);
        this.counts.acknowledged += acknowledgements.count;
      },
      () => {
        connection.drop();
        this.counts.lost += unacknowledged.unprotected;
        if (unacknowledged.unprotected > 0) {
          this.#log.error(
            { messages: unacknowledged.unprotected },
            'messages of QoS 0 are lost: nobody sends them again',
          );
        }
      },
    );
  }

  async #untilResumed(): Promise<void> {
    this.#setAway('recording has failed');
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    await Promise.race([this.#recorder.untilRecording(), once(signal, 'abort')]);
  }

  #noteConnected(sessionPresent: boolean): void {
    const awaySince = this.status.since;
    this.counts.connections++;
    this.status = { connected: true, since: new Date().toISOString() };
    const mqtt = this.#protocol === 5 ? '5' : '3.1.1';
    this.#log.info(
      { topics: this.#config.MQTT_TOPICS, mqtt, session_present: sessionPresent },
      'connected to the broker',
    );
    if (!sessionPresent && this.#hadSession) {
      this.#log.warn(
        { away_since: awaySince },
        'the broker has lost our session: what was published while we were away may be lost there',
      );
    }
    this.#hadSession = true;
  }

  #noteEnd(reason: Error, livedMs: number): void {
    if (livedMs >= STEADY_MS) this.#backoff.reset();
    const silent = reason instanceof ClosedSilentlyError;
    // A connection that we drop ourselves closes silently as well.
    const ours = this.#recorder.failure !== undefined || this.#stopping.signal.aborted;
    const how = reason instanceof TakenOverError ? 'taken over' : silent && !ours ? 'silent' : 'other';
    this.#takeovers.ended(how, livedMs);
  }

  /** Whether the session is left to another client with the same client id. */
  get parked(): boolean {
    return this.#takeovers.tooMany;
  }

  #noteAway(error: Error & { code?: number }): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#protocol === 5 && error.code !== undefined && UNACCEPTABLE_VERSION.has(error.code)) {
      this.#protocol = 4;
      this.#backoff.reset();
      this.#log.info('the broker does not speak MQTT 5; going on with 3.1.1');
      return;
    }
    const reason = this.parked ? this.#parkedReason() : errorText(error);
    if (this.status.reason !== reason) {
      if (this.parked) this.#log.error(reason);
      else this.#log.warn({ reason }, 'no connection to the broker; trying again');
    }
    this.#setAway(reason);
  }

  #parkedReason(): string {
    return (
      `Another client with the client id ${this.#config.MQTT_CLIENT_ID} keeps taking the session over. This collector leaves ` +
      'it to that one, receives nothing, and looks again every ten minutes. Stop one of the two, or give it a ' +
      'MQTT_CLIENT_ID of its own'
    );
  }

  #setAway(reason: string): void {
    const since = this.status.connected ? new Date().toISOString() : this.status.since;
    this.status = { connected: false, since, reason };
  }
}
