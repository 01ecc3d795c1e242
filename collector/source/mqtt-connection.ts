import mqtt, {
  type IClientOptions,
  type IConnackPacket,
  type ISubscriptionGrant,
  type MqttClient,
} from 'mqtt';
import type { Config } from '../config.ts';

/** Seconds that the broker keeps our session while we are away. Longer than any outage that somebody will mend. */
const SESSION_EXPIRY_S = 30 * 24 * 3600;
/**
 * Messages that the broker may have in flight to us. Throughput is at most this number divided by the time from receipt
 * to acknowledgement, and it bounds what is in memory. MQTT 5 only: it replaces the broker's own limit.
 */
const RECEIVE_MAXIMUM = 20_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** What arrives by PUBLISH. */
export interface Delivery {
  topic: string;
  payload: Buffer;
  qos: 0 | 1 | 2;
  /** Packet identifier; undefined for QoS 0. */
  id: number | undefined;
}

/** Reason code of a DISCONNECT: another client has connected with our client id [MQTT-3.1.4-3]. MQTT 5 only. */
const SESSION_TAKEN_OVER = 0x8e;

/** The broker gave our session to another client with the same client id. */
export class TakenOverError extends Error {
  constructor() {
    super('another client has connected with the same client id, and the broker gave it our session');
    this.name = 'TakenOverError';
  }
}

/** The broker does not grant the subscription. */
export class SubscriptionRefusedError extends Error {}

/**
 * One connection to the broker, from CONNECT until it is lost; the next one is a new object. mqtt.js connects, keeps
 * alive and subscribes; acknowledging is ours.
 */
export class MqttConnection {
  readonly #client: MqttClient;
  /** Resolves, with the reason, when the connection is gone. */
  readonly closed: Promise<Error>;
  #alive = true;

  private constructor(client: MqttClient, closed: Promise<Error>) {
    this.#client = client;
    this.closed = closed;
    void closed.then(() => {
      this.#alive = false;
    });
  }

  /**
   * Connects with the persistent session of MQTT_CLIENT_ID.
   * @param deliver takes each message, in order. While a promise that it returns is pending no more are read.
   * @throws the broker's refusal (with its reason code as `code`) or the error of the network.
   */
  static async open(
    config: Config,
    protocolVersion: 4 | 5,
    deliver: (delivery: Delivery, connection: MqttConnection) => Promise<void> | undefined,
  ): Promise<{ connection: MqttConnection; sessionPresent: boolean }> {
    const client = mqtt.connect(config.MQTT_URL, optionsOf(config, protocolVersion));
    let reason: Error | undefined;
    client.on('error', error => {
      reason ??= error;
    });
    client.on('disconnect', packet => {
      reason ??=
        packet.reasonCode === SESSION_TAKEN_OVER
          ? new TakenOverError()
          : new Error(`the broker disconnected us (reason code ${packet.reasonCode})`);
    });
    const closed = new Promise<Error>(resolve => {
      client.on('close', () => resolve(reason ?? new Error('the connection was closed')));
    });
    const connection = new MqttConnection(client, closed);
    client.handleMessage = (packet, next) => {
      const { topic, payload, qos, messageId: id } = packet;
      const held = deliver({ topic, payload: payload as Buffer, qos, id }, connection);
      // An error makes mqtt.js go on to the next packet without sending a PUBACK: that is ours to send, after the fsync.
      const withoutPuback = () => next(new Error('acknowledged later'));
      if (held === undefined) withoutPuback();
      else void held.then(withoutPuback);
    };
    const connack = new Promise<IConnackPacket>(resolve => client.once('connect', resolve));
    const first = await Promise.race([connack, closed]);
    if (first instanceof Error) {
      client.end(true);
      throw first;
    }
    return { connection, sessionPresent: first.sessionPresent };
  }

  /**
   * Subscribes, and checks what the broker grants.
   * @returns topics that the broker grants at a lower QoS than asked.
   * @throws {SubscriptionRefusedError} naming the topics.
   */
  async subscribe(topics: string[], qos: 0 | 1): Promise<string[]> {
    // Retain handling 1: retained readings come once, when the subscription is made, not at every connection.
    const options = { qos, rh: 1 as const };
    const granted = await new Promise<ISubscriptionGrant[] | Error>(resolve => {
      void this.closed.then(resolve);
      this.#client.subscribe(topics, options, (error, grants, packet) => {
        const codes = (packet?.granted ?? []) as number[];
        if (codes.length === topics.length) {
          resolve(topics.map((topic, index) => ({ topic, qos: codes[index] as ISubscriptionGrant['qos'] })));
        } else resolve(error ?? grants ?? []);
      });
    });
    if (granted instanceof Error) throw granted;
    const refused = granted.filter(grant => grant.qos >= 0x80);
    if (refused.length > 0 || granted.length === 0) {
      const names = refused.map(grant => `${grant.topic} (reason code ${grant.qos})`).join(', ');
      throw new SubscriptionRefusedError(
        `the broker refuses the subscription to ${names || topics.join(', ')}: check MQTT_TOPICS and the rights of this user`,
      );
    }
    return granted.filter(grant => grant.qos < qos).map(grant => grant.topic);
  }

  /**
   * Acknowledges messages, in the order of receipt [MQTT-4.6.0-2], by one write. On a connection that is gone it does
   * nothing: the broker sends them again.
   * @returns when the write has been handed to the operating system, or the connection is gone.
   */
  acknowledge(ids: readonly number[]): Promise<void> {
    if (!this.#alive || ids.length === 0) return Promise.resolve();
    const packets = Buffer.allocUnsafe(ids.length * 4);
    ids.forEach((id, index) => {
      packets.writeUInt16BE(0x4002, index * 4);
      packets.writeUInt16BE(id, index * 4 + 2);
    });
    // A stream that is destroyed meanwhile calls back with an error, which says the same as `closed`.
    return new Promise(resolve => this.#client.stream.write(packets, () => resolve()));
  }

  /** Says goodbye; the broker keeps the session. */
  async close(): Promise<void> {
    await new Promise<void>(resolve => this.#client.end(false, () => resolve()));
  }

  /** Drops the connection without a word: what was not acknowledged is sent again on the next one. */
  drop(): void {
    this.#client.end(true);
  }
}

function optionsOf(config: Config, protocolVersion: 4 | 5): IClientOptions {
  return {
    protocolVersion,
    clientId: config.MQTT_CLIENT_ID,
    clean: false,
    ...(config.MQTT_USERNAME === undefined ? {} : { username: config.MQTT_USERNAME }),
    ...(config.MQTT_PASSWORD === undefined ? {} : { password: config.MQTT_PASSWORD }),
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
