import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import type { Logger } from 'pino';
import { Backoff } from '../base/backoff.ts';
import type { Config } from '../base/config.ts';

/**
 * Messages that wait for their PUBACK at one time. What comes back after an outage is sent in portions of it, so that
 * the event loop is not held for all of it; well below the 65,535 packet ids that there are.
 */
const MOST_IN_FLIGHT = 1000;
const KEEPALIVE_S = 30;
const CONNECT_TIMEOUT_MS = 10_000;
/** How long a stop waits for PUBACKs, and then for the broker to close the connection. */
const DRAIN_MS = 5000;
const GOODBYE_MS = 1000;

interface Outgoing {
  topic: string;
  payload: Buffer;
}

/**
 * Publishes with QoS 1, in order, and keeps each message until the broker has acknowledged it: on the next connection
 * what was not acknowledged is sent again, before all that came later.
 *
 * States: *connecting*, with backoff; *connected*. Each connection is a client of its own, as what mqtt.js keeps across
 * connections it sends again one at a time.
 */
export class Publisher {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #options: IClientOptions;
  readonly #stopping = new AbortController();
  readonly #backoff = new Backoff(250, 10_000);
  #loop: Promise<void> | undefined;
  /** The newest client, connected or not. */
  #client: MqttClient | undefined;
  #connected = false;
  #awayReason: string | undefined;
  #waiting: Outgoing[] = [];
  #inFlight = new Set<Outgoing>();
  #drained: () => void = () => undefined;
  /** Messages that the broker has acknowledged. */
  acknowledged = 0;

  constructor(config: Config, log: Logger) {
    this.#config = config;
    this.#log = log;
    this.#options = optionsOf(config);
  }

  /** Starts connecting; does not wait for the broker. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Messages that are not acknowledged yet: in flight, or waiting. Keeping them few is the caller's. */
  get pending(): number {
    return this.#waiting.length + this.#inFlight.size;
  }

  publish(topic: string, payload: Buffer): void {
    this.#waiting.push({ topic, payload });
    if (this.#connected) this.#send();
  }

  /** Waits until all is acknowledged, for at most 5 s, and says goodbye to the broker. */
  async stop(): Promise<void> {
    if (this.pending > 0) await this.#drain();
    this.#stopping.abort();
    const client = this.#client;
    if (this.#connected && this.pending === 0) client?.end(false);
    else client?.stream.destroy();
    // A broker that hangs does not close its side of the connection.
    const goodbye = setTimeout(() => client?.stream.destroy(), GOODBYE_MS);
    await this.#loop;
    clearTimeout(goodbye);
    if (this.pending > 0) {
      this.#log.warn({ messages: this.pending }, 'the broker has not acknowledged these generated messages');
    }
  }

  async #drain(): Promise<void> {
    const { promise: drained, resolve } = Promise.withResolvers<void>();
    this.#drained = resolve;
    const deadline = new AbortController();
    await Promise.race([drained, sleep(DRAIN_MS, undefined, { signal: deadline.signal })]);
    deadline.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const reason = await this.#connectAndSend();
      if (signal.aborted) return;
      if (reason !== this.#awayReason) {
        this.#log.warn({ reason }, 'the generator has no connection to the broker; trying again');
        this.#awayReason = reason;
      }
      await sleep(this.#backoff.next(), undefined, { signal }).catch(() => undefined);
    }
  }

  /** @returns why the connection is gone, or was not made. */
  async #connectAndSend(): Promise<string> {
    const client = mqtt.connect(this.#config.MQTT_URL, this.#options);
    this.#client = client;
    let reason: string | undefined;
    client.on('error', (error: Error & { code?: number | string }) => {
      reason ??= error.message || String(error.code ?? error);
    });
    client.on('connect', () => this.#noteConnected());
    await new Promise<void>(resolve => client.on('close', () => resolve()));
    this.#connected = false;
    this.#waiting = [...this.#inFlight, ...this.#waiting];
    this.#inFlight = new Set();
    return reason ?? 'the connection was closed';
  }

  #noteConnected(): void {
    this.#connected = true;
    this.#awayReason = undefined;
    this.#backoff.reset();
    this.#log.info('the generator is connected to the broker');
    this.#send();
  }

  /** Sends the next portion once half of the last one is acknowledged: taking from a long queue one by one is slow. */
  #send(): void {
    const inFlight = this.#inFlight.size;
    if (inFlight > MOST_IN_FLIGHT / 2) return;
    for (const message of this.#waiting.splice(0, MOST_IN_FLIGHT - inFlight)) this.#sendOne(message);
  }

  #sendOne(message: Outgoing): void {
    const inFlight = this.#inFlight;
    inFlight.add(message);
    this.#client?.publish(message.topic, message.payload, { qos: 1 }, error => {
      // An error, or a set that is not the present one: of a connection that is gone. The next one sends it again.
      if (error || inFlight !== this.#inFlight) return;
      inFlight.delete(message);
      this.acknowledged++;
      this.#send();
      if (this.pending === 0) this.#drained();
    });
  }
}

function optionsOf(config: Config): IClientOptions {
  return {
    // What every broker speaks, the embedded one nothing else.
    protocolVersion: 4,
    // The collector's id would take its session over; two generators have to differ too.
    clientId: `${config.MQTT_CLIENT_ID}-generator-${randomBytes(4).toString('hex')}`,
    clean: true,
    ...(config.MQTT_USERNAME === undefined ? {} : { username: config.MQTT_USERNAME }),
    ...(config.MQTT_PASSWORD === undefined ? {} : { password: config.MQTT_PASSWORD }),
    keepalive: KEEPALIVE_S,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
  };
}
