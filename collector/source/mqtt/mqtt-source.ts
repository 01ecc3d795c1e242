import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Backoff } from '../../../base/backoff.ts';
import type { Config } from '../../../base/config.ts';
import { errorText } from '../../../base/errors.ts';
import { ConnectionStatus } from '../connection-status.ts';
import { type Delivery, isRepeated } from '../delivery.ts';
import { MOST_PENDING_BYTES, type Origin, type Receipt, type Sink } from '../sink.ts';
import type { BrokerStatus, Source, SourceCounts } from '../source.ts';
import { Acknowledger } from './acknowledger.ts';
import { BrokerSession } from './broker-session.ts';
import { ClosedSilentlyError, MqttConnection, type Receiver, TakenOverError } from './mqtt-connection.ts';
import { ProtocolChoice } from './protocol-choice.ts';
import { QuietWatch } from './quiet-watch.ts';
import { type ConnectError, refusalOf } from './refusal.ts';
import { Subscription } from './subscription.ts';
import { Takeovers } from './takeovers.ts';

/** Under load bytes gather for this long between two reads: a read for each message cost more than half of our time. */
const GATHER_MS = 5;
/** Only a connection that has lived this long shows that the trouble is over; others go on with the backoff. */
const STEADY_MS = 60_000;
/** How long we leave the session to another client before we look whether it is still there. */
const PARKED_MS = 10 * 60_000;

/**
 * Subscribes, hands messages to the recorder, and acknowledges them when they are on disk.
 *
 * States: *connecting*, with backoff; *receiving*; *halted*, while the recorder cannot record: the connection is
 * dropped, so that the broker keeps what we cannot, and sends again what we did not acknowledge; *parked*, when another
 * client with our client id keeps taking the session over: two collectors would do that to each other for ever, so the one
 * that notices first leaves it to the other, which gets every message, and looks again every ten minutes.
 */
export class MqttSource implements Source {
  readonly #config: Config;
  #filters: readonly string[];
  readonly #recorder: Sink;
  readonly #log: Logger;
  readonly #quietMs: number | undefined;
  readonly #stopping = new AbortController();
  readonly #backoff = new Backoff(250, 30_000);
  readonly #protocol: ProtocolChoice;
  readonly #takeovers = new Takeovers();
  readonly #acknowledger: Acknowledger;
  #loop: Promise<void> | undefined;
  #connection: MqttConnection | undefined;
  #session: BrokerSession | undefined;
  /** What all messages of the session have in common. */
  #origin: Origin | undefined;
  #lastReceipt: Receipt | undefined;
  #sessionPresent = false;
  /** The broker has said that it has no session of ours, although it had one. */
  #lostSession = false;
  /** Whether we stay on the connection that was accepted last; from others nothing is taken. */
  #staying = false;
  #received = 0;
  #redelivered = 0;
  /** Of the connection that stands; it has been made when `#subscribing` resolves. */
  #subscription: Subscription | undefined;
  #subscribing: Promise<void> = Promise.resolve();
  #quiet: QuietWatch | undefined;
  readonly #status = new ConnectionStatus();

  /** @param quietMs how long a subscription may bring nothing before it is reported; for tests. */
  constructor(config: Config, filters: readonly string[], recorder: Sink, log: Logger, quietMs?: number) {
    this.#config = config;
    this.#filters = filters;
    this.#recorder = recorder;
    this.#log = log;
    this.#quietMs = quietMs;
    this.#protocol = new ProtocolChoice(config.MQTT_PROTOCOL);
    this.#acknowledger = new Acknowledger(log);
  }

  get status(): BrokerStatus {
    return this.#status.present;
  }

  get counts(): SourceCounts {
    const { connections } = this.#status;
    return {
      received: this.#received,
      redelivered: this.#redelivered,
      connections,
      ...this.#acknowledger.counts,
    };
  }

  get warning(): string | undefined {
    if (!this.status.connected) return undefined;
    const warnings = [...(this.#subscription?.warnings ?? []), this.#quiet?.warning];
    return warnings.filter(text => text !== undefined).join('; ') || undefined;
  }

  /** Whether the session is left to another client with the same client id. */
  get parked(): boolean {
    return this.#takeovers.tooMany;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async widen(filters: readonly string[]): Promise<void> {
    const before = this.#filters;
    this.#filters = [...new Set([...before, ...filters])];
    await this.#subscribing.catch(() => undefined);
    const [connection, subscription] = [this.#connection, this.#subscription];
    // The next connection subscribes to what is wanted then.
    if (connection === undefined || subscription === undefined) return;
    try {
      await subscription.widen(filters);
    } catch (error) {
      if (!connection.isAlive) return;
      this.#filters = before;
      throw error;
    }
  }

  async narrow(filters: readonly string[]): Promise<void> {
    this.#filters = filters;
    await this.#subscribing.catch(() => undefined);
    // What fails here fails with the connection, and the next one unsubscribes what is left over.
    await this.#subscription?.narrow(filters).catch(() => undefined);
  }

  publish(topic: string, payload: Buffer): boolean {
    return this.#connection?.publish(topic, payload) ?? false;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#acknowledger.settled();
    await this.#connection?.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { DATA_DIR, MQTT_URL, MQTT_CLIENT_ID } = this.#config;
    this.#session = await BrokerSession.read(DATA_DIR, MQTT_URL, MQTT_CLIENT_ID);
    while (!signal.aborted) {
      if (this.#recorder.failure !== undefined) await this.#untilResumed();
      if (signal.aborted) return;
      const connection = await this.#connect();
      if (connection === 'again') continue;
      if (connection !== undefined) await this.#receiveFrom(connection);
      if (signal.aborted) return;
      const wait = this.parked ? PARKED_MS : this.#backoff.next();
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  /** @returns a connection to stay on, nothing where there is none, `again` where the next attempt is due at once. */
  async #connect(): Promise<MqttConnection | 'again' | undefined> {
    this.#staying = false;
    const receiver: Receiver = {
      begin: sessionPresent => this.#begin(sessionPresent),
      receive: (...message) => this.#receive(...message),
    };
    const pauseMs = () => (this.#recorder.underLoad ? GATHER_MS : 0);
    let connection: MqttConnection;
    try {
      connection = await MqttConnection.open(
        this.#config,
        this.#protocol.next,
        receiver,
        pauseMs,
        this.#stopping.signal,
      );
    } catch (error) {
      if (this.#stopping.signal.aborted) return undefined;
      const knew = this.#protocol.isKnown;
      if (this.#protocol.refused(refusalOf(error as ConnectError))) {
        if (!knew && this.#protocol.isKnown) {
          this.#log.info('the broker does not speak MQTT 5; going on with 3.1.1');
        }
        return 'again';
      }
      this.#takeovers.failed();
      this.#noteAway(error as Error);
      return undefined;
    }
    if (this.#staying) return connection;
    await connection.close();
    return 'again';
  }

  /** Subscribes and receives until the connection is gone. */
  async #receiveFrom(connection: MqttConnection): Promise<void> {
    this.#connection = connection;
    try {
      if (this.#stopping.signal.aborted) return;
      this.#subscribing = this.#subscribe(connection);
      await this.#subscribing;
      const connectedAt = performance.now();
      this.#noteConnected(connection);
      using quiet = new QuietWatch(this.#filters, () => this.#received, this.#log, this.#quietMs);
      this.#quiet = quiet;
      const reason = await connection.closed;
      this.#noteEnd(reason, performance.now() - connectedAt);
      throw reason;
    } catch (error) {
      this.#noteAway(error as Error);
    } finally {
      this.#protocol.ended();
      this.#connection = undefined;
      this.#subscription = undefined;
      this.#acknowledger.forget();
      connection.drop();
    }
  }

  async #subscribe(connection: MqttConnection): Promise<void> {
    const filters = this.#filters;
    const subscription = new Subscription(connection, this.#session!, this.#config, this.#log);
    await subscription.begin(filters);
    this.#subscription = subscription;
  }

  #begin(sessionPresent: boolean): void {
    const session = this.#session!;
    this.#sessionPresent = sessionPresent;
    if (!sessionPresent) {
      this.#lostSession ||= session.topics.length > 0;
      session.renew();
    }
    this.#origin = { session: session.name };
    this.#staying = this.#protocol.accepted();
  }

  #receive(
    topic: Buffer,
    payload: Buffer,
    delivery: Delivery,
    payloadBytes: number,
    connection: MqttConnection,
    isCopy: boolean,
  ): Promise<unknown> | undefined {
    // While stopping nothing more is taken: the broker sends it again to the next collector.
    if (this.#stopping.signal.aborted || !this.#staying) return undefined;
    this.#received++;
    if (isRepeated(delivery)) this.#redelivered++;
    const origin = payloadBytes === payload.length ? this.#origin! : { ...this.#origin!, payloadBytes };
    // A copy is acknowledged in its turn, with what is recorded just now.
    const receipt =
      (isCopy ? this.#lastReceipt : undefined) ?? this.#recorder.record(topic, payload, delivery, origin);
    this.#lastReceipt = receipt;
    this.#acknowledger.note(receipt, delivery, topic, connection);
    if (this.#recorder.pendingBytes <= MOST_PENDING_BYTES) return undefined;
    return receipt.durable.catch(() => undefined);
  }

  async #untilResumed(): Promise<void> {
    this.#status.away('recording has failed');
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    await Promise.race([this.#recorder.untilRecording(), once(signal, 'abort')]);
  }

  #noteConnected(connection: MqttConnection): void {
    const awaySince = this.status.since;
    this.#status.connected();
    this.#log.info(
      { topics: this.#filters, mqtt: connection.version, session_present: this.#sessionPresent },
      'connected to the broker',
    );
    // One that `sluice up` brings begins anew with it, and so do the sensors that it plays.
    const isExpected = this.#config.embedded.broker && this.#status.connections === 1;
    if (this.#lostSession && !isExpected) {
      this.#log.warn(
        { away_since: awaySince },
        'the broker has lost our session: what was published while we were away may be lost there',
      );
    }
    this.#lostSession = false;
  }

  #noteEnd(reason: Error, livedMs: number): void {
    if (livedMs >= STEADY_MS) this.#backoff.reset();
    const silent = reason instanceof ClosedSilentlyError;
    // A connection that we drop ourselves closes silently as well.
    const ours = this.#recorder.failure !== undefined || this.#stopping.signal.aborted;
    const how = reason instanceof TakenOverError ? 'taken over' : silent && !ours ? 'silent' : 'other';
    this.#takeovers.ended(how, livedMs);
  }

  #noteAway(error: Error): void {
    if (this.#stopping.signal.aborted) return;
    const reason = this.parked ? this.#parkedReason() : errorText(error);
    if (!this.#status.away(reason)) return;
    if (this.parked) this.#log.error(reason);
    else this.#log.warn({ reason }, 'no connection to the broker; trying again');
  }

  #parkedReason(): string {
    return (
      `Another client with the client id ${this.#config.MQTT_CLIENT_ID} keeps taking the session over. This collector leaves ` +
      'it to that one, receives nothing, and looks again every ten minutes. Stop one of the two, or give it a ' +
      'MQTT_CLIENT_ID of its own'
    );
  }
}
