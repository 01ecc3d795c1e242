import { type IClientOptions, type IConnackPacket, type ISubscriptionGrant, MqttClient } from 'mqtt';
import type { Config } from '../../../base/config.ts';
import type { Delivery } from '../delivery.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import { Copies, overlapping } from './copies.ts';
import type { ProtocolVersion } from './protocol-choice.ts';
import { PublishFilter } from './publish-filter.ts';
import { openTransport } from './transport.ts';

/** Seconds that the broker keeps our session while we are away. Longer than any outage that somebody will mend. */
const SESSION_EXPIRY_S = 30 * 24 * 3600;
/**
 * Messages that the broker may have in flight to us: as many as there are packet identifiers. Throughput is at most this
 * number divided by the time from receipt to acknowledgement. MQTT 5 only: it replaces the broker's own limit, so it is sent
 * although it is the standard's default. What bounds the memory is MOST_PENDING_BYTES; Mosquitto 2.0.11 was
 * seen to go beyond any Receive Maximum.
 */
const RECEIVE_MAXIMUM = 65_535;
const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 10_000;
const GOODBYE_MS = 2000;

/** Takes what a connection brings. */
export interface Receiver {
  /** The broker has accepted the connection; called before the first message of it. */
  begin(sessionPresent: boolean): void;
  /**
   * Takes each message, in order.
   * @param payload overwritten after the call, and so is `topic`.
   * @param payloadBytes its length as it was sent: what is very large is handed over in part.
   * @param isCopy it came already, by another subscription that matches its topic.
   * @returns while this promise is pending no more are read from the broker.
   */
  receive(
    topic: Buffer,
    payload: Buffer,
    delivery: Delivery,
    payloadBytes: number,
    connection: MqttConnection,
    isCopy: boolean,
  ): Promise<unknown> | undefined;
}

/** Reason code of a DISCONNECT: another client has connected with our client id [MQTT-3.1.4-3]. MQTT 5 only. */
const SESSION_TAKEN_OVER = 0x8e;

/** The broker closed the connection, and did not say why. */
export class ClosedSilentlyError extends Error {
  constructor() {
    super('the broker closed the connection without saying why');
    this.name = 'ClosedSilentlyError';
  }
}

/** The broker gave our session to another client with the same client id. */
export class TakenOverError extends Error {
  constructor() {
    super('another client has connected with the same client id, and the broker gave it our session');
    this.name = 'TakenOverError';
  }
}

/**
 * One connection to the broker, from CONNECT until it is lost; the next one is a new object. mqtt.js connects, keeps
 * alive and subscribes; receiving messages and acknowledging them is ours.
 */
export class MqttConnection {
  readonly #client: MqttClient;
  readonly #filter: PublishFilter;
  /** Resolves, with the reason, when the connection is gone. */
  readonly closed: Promise<Error>;
  #alive = true;
  #shortenedExpiryS: number | undefined;
  readonly #copies = new Copies();
  /** Subscription identifiers that are given. */
  #identifiers = 0;
  readonly options: IClientOptions;
  /** Of MQTT, as people call it. */
  readonly version: '3.1.1' | '5';

  private constructor(
    config: Config,
    protocolVersion: ProtocolVersion,
    receiver: Receiver,
    pauseMs: () => number,
  ) {
    this.options = optionsOf(config, protocolVersion);
    this.version = protocolVersion === 5 ? '5' : '3.1.1';
    this.#filter = new PublishFilter(
      onBytes => openTransport(config.MQTT_URL, onBytes),
      protocolVersion,
      {
        onAccepted: sessionPresent => receiver.begin(sessionPresent),
        onPublish: (topic, payload, delivery, payloadBytes, properties) => {
          const isCopy = properties.length > 0 && this.#copies.isCopy(topic, payload, properties);
          const held = receiver.receive(topic, payload, delivery, payloadBytes, this, isCopy);
          if (held !== undefined) this.#filter.hold(held);
        },
      },
      pauseMs,
    );
    this.#client = new MqttClient(() => this.#filter, this.options);
    let reason: Error | undefined;
    this.#client.on('error', error => {
      reason ??= error;
    });
    // Without a code mqtt.js keeps an error of the stream to itself.
    this.#filter.on('error', error => {
      reason ??= error;
    });
    this.#client.on('disconnect', packet => {
      reason ??=
        packet.reasonCode === SESSION_TAKEN_OVER
          ? new TakenOverError()
          : new Error(`the broker disconnected us (reason code ${packet.reasonCode})`);
    });
    this.closed = new Promise<Error>(resolve => {
      this.#client.on('close', () => {
        this.#alive = false;
        resolve(reason ?? new ClosedSilentlyError());
      });
    });
  }

  /**
   * Connects with the persistent session of MQTT_CLIENT_ID.
   * @param pauseMs see PublishFilter.
   * @param signal gives up connecting.
   * @throws the broker's refusal (with its reason code as `code`) or the error of the network.
   */
  static async open(
    config: Config,
    protocolVersion: ProtocolVersion,
    receiver: Receiver,
    pauseMs: () => number,
    signal: AbortSignal,
  ): Promise<MqttConnection> {
    const connection = new MqttConnection(config, protocolVersion, receiver, pauseMs);
    const connack = new Promise<IConnackPacket>(resolve => connection.#client.once('connect', resolve));
    const giveUp = () => connection.drop();
    signal.addEventListener('abort', giveUp);
    const first = await Promise.race([connack, connection.closed]);
    signal.removeEventListener('abort', giveUp);
    if (first instanceof Error) {
      connection.drop();
      throw first;
    }
    const expiryS = first.properties?.sessionExpiryInterval;
    if (expiryS !== undefined && expiryS < SESSION_EXPIRY_S) connection.#shortenedExpiryS = expiryS;
    return connection;
  }

  /** Whether it is not known to be gone. */
  get isAlive(): boolean {
    return this.#alive;
  }

  /** Seconds that the broker keeps the session while we are away, where that is less than we asked for. */
  get shortenedExpiryS(): number | undefined {
    return this.#shortenedExpiryS;
  }

  /**
   * Subscribes, and checks what the broker grants.
   * @returns topics that the broker grants at a lower QoS than asked.
   * @throws when the broker refuses, naming the topics.
   */
  async subscribe(topics: string[], qos: 0 | 1): Promise<string[]> {
    // Each has an identifier of its own, so a SUBSCRIBE of its own.
    const identified = this.version === '5' ? overlapping(topics) : [];
    const others = topics.filter(topic => !identified.includes(topic));
    const lowered = others.length === 0 ? [] : await this.#subscribe(others, qos);
    for (const topic of identified) {
      lowered.push(...(await this.#subscribe([topic], qos, { subscriptionIdentifier: ++this.#identifiers })));
    }
    return lowered;
  }

  async #subscribe(
    topics: string[],
    qos: 0 | 1,
    properties?: { subscriptionIdentifier: number },
  ): Promise<string[]> {
    // Retain handling 1: retained readings come once, when the subscription is made, not at every connection.
    const options = { qos, rh: 1 as const, ...(properties && { properties }) };
    const granted = await this.#answer<ISubscriptionGrant[] | Error>('SUBSCRIBE', answer =>
      this.#client.subscribe(topics, options, (error, grants, packet) => {
        const codes = (packet?.granted ?? []) as number[];
        if (codes.length === topics.length) {
          answer(topics.map((topic, index) => ({ topic, qos: codes[index] as ISubscriptionGrant['qos'] })));
        } else answer(error ?? grants ?? []);
      }),
    );
    if (granted instanceof Error) throw granted;
    const refused = granted.filter(grant => grant.qos >= 0x80);
    if (refused.length > 0 || granted.length === 0) {
      const names = refused.map(grant => `${grant.topic} (reason code ${grant.qos})`).join(', ');
      throw new Error(
        `the broker refuses the subscription to ${names || topics.join(', ')}: check MQTT_TOPICS and the rights of this user`,
      );
    }
    return granted.filter(grant => grant.qos < qos).map(grant => grant.topic);
  }

  /**
   * Unsubscribes from topics that may be subscribed in the session.
   * @throws when the broker does not do so.
   */
  async unsubscribe(topics: string[]): Promise<void> {
    const failure = await this.#answer<Error | undefined>('UNSUBSCRIBE', answer =>
      this.#client.unsubscribe(topics, {}, error => answer(error ?? undefined)),
    );
    if (failure !== undefined) throw failure;
  }

  /** Asks the broker for something. @returns its answer, or why there is none. */
  #answer<T>(packet: string, ask: (answer: (answer: T) => void) => void): Promise<T | Error> {
    return new Promise(resolve => {
      const timer = setTimeout(
        () => resolve(new Error(`the broker does not answer ${packet}`)),
        ANSWER_TIMEOUT_MS,
      );
      const settle = (answer: T | Error) => {
        clearTimeout(timer);
        resolve(answer);
      };
      void this.closed.then(settle);
      ask(settle);
    });
  }

  /**
   * Acknowledges messages by one write. On a connection that is gone it does nothing: the broker sends them again.
   * @returns when the write has been handed to the operating system, or the connection is gone.
   */
  acknowledge({ packets }: Acknowledgements): Promise<void> {
    if (!this.#alive || packets.length === 0) return Promise.resolve();
    // A stream that is destroyed meanwhile calls back with an error, which says the same as `closed`.
    return new Promise(resolve => this.#filter.write(packets, () => resolve()));
  }

  /** Publishes with QoS 0: nobody is told whether it arrives. @returns false where the connection is gone. */
  publish(topic: string, payload: Buffer): boolean {
    if (!this.#alive) return false;
    this.#client.publish(topic, payload, { qos: 0 }, () => undefined);
    return true;
  }

  /** Says goodbye; the broker keeps the session. One that does not answer is left. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.drop(), GOODBYE_MS);
    this.#client.end(false);
    await this.closed;
    clearTimeout(timer);
  }

  /** Drops the connection without a DISCONNECT: what was not acknowledged is sent again on the next one. */
  drop(): void {
    this.#client.end(true);
    // mqtt.js leaves a connection that it is ending already to the broker, who may never end it.
    this.#filter.destroy();
  }
}

function optionsOf(config: Config, protocolVersion: ProtocolVersion): IClientOptions {
  const { username, password } = new URL(config.MQTT_URL);
  const user = config.MQTT_USERNAME ?? decodeURIComponent(username);
  const secret = config.MQTT_PASSWORD ?? decodeURIComponent(password);
  return {
    protocolId: 'MQTT',
    protocolVersion,
    clientId: config.MQTT_CLIENT_ID,
    clean: false,
    ...(user === '' ? {} : { username: user }),
    ...(secret === '' ? {} : { password: secret }),
    keepalive: config.MQTT_KEEPALIVE_S,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // Reconnecting is the source's: each connection is a client of its own.
    reconnectPeriod: 0,
    resubscribe: false,
    ...(protocolVersion === 5
      ? { properties: { sessionExpiryInterval: SESSION_EXPIRY_S, receiveMaximum: RECEIVE_MAXIMUM } }
      : {}),
  };
}
