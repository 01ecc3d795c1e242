import type { Logger } from 'pino';
import type { Config } from '../../../base/config.ts';
import type { BrokerSession } from './broker-session.ts';
import type { MqttConnection } from './mqtt-connection.ts';
import { checkSharing } from './share-probe.ts';

/**
 * What is subscribed on a connection. The broker's session keeps subscriptions until somebody unsubscribes, also those of earlier
 * settings and of runs that were killed; so they are written down before they are made, and until they are gone.
 */
export class Subscription {
  readonly #connection: MqttConnection;
  readonly #session: BrokerSession;
  readonly #config: Pick<Config, 'MQTT_URL' | 'MQTT_QOS'>;
  readonly #log: Logger;
  /** What the broker grants with QoS 0 though 1 was asked for. */
  #lowered: readonly string[] = [];
  /** What is not known of shared subscriptions. */
  #untested: string | undefined;

  constructor(
    connection: MqttConnection,
    session: BrokerSession,
    config: Pick<Config, 'MQTT_URL' | 'MQTT_QOS'>,
    log: Logger,
  ) {
    this.#connection = connection;
    this.#session = session;
    this.#config = config;
    this.#log = log;
  }

  /** Subscribes to these topics and to no others. @throws where the broker refuses, or delivers nothing to shared ones. */
  async begin(topics: readonly string[]): Promise<void> {
    this.#untested = await this.#checkSharing(topics);
    await this.#subscribe(topics);
    await this.narrow(topics);
    for (const warning of this.warnings) this.#log.warn(warning);
  }

  /**
   * Subscribes to these topics too. Those that are subscribed are left alone: the broker would send again what it has kept.
   * @throws where the broker refuses, or delivers nothing to shared ones; nothing more is subscribed than before then.
   */
  async widen(topics: readonly string[]): Promise<void> {
    const before = this.#session.topics;
    const added = topics.filter(topic => !before.includes(topic));
    if (added.length === 0) return;
    const untested = await this.#checkSharing(added);
    try {
      await this.#subscribe(added);
    } catch (error) {
      await this.narrow(before).catch(() => undefined);
      throw error;
    }
    this.#untested ??= untested;
    if (untested !== undefined || added.some(topic => this.#lowered.includes(topic)))
      for (const warning of this.warnings) this.#log.warn(warning);
  }

  /** Unsubscribes from all but these topics. @throws where the broker does not do so. */
  async narrow(topics: readonly string[]): Promise<void> {
    const unwanted = this.#session.topics.filter(topic => !topics.includes(topic));
    if (unwanted.length === 0) return;
    await this.#connection.unsubscribe(unwanted);
    this.#log.info({ topics: unwanted }, 'unsubscribed from topics that are no longer in the settings');
    this.#lowered = this.#lowered.filter(topic => !unwanted.includes(topic));
    await this.#note(topics);
  }

  /** What the broker grants less of than asked, or may, for a person. */
  get warnings(): string[] {
    const warnings = this.#untested === undefined ? [] : [this.#untested];
    if (this.#lowered.length > 0) {
      warnings.push(
        `the broker grants QoS 0 only for ${this.#lowered.join(', ')}: messages in flight can be lost`,
      );
    }
    const { shortenedExpiryS } = this.#connection;
    if (shortenedExpiryS !== undefined) {
      warnings.push(
        `the broker keeps our session for only ${shortenedExpiryS} s: what is published in a longer absence is lost`,
      );
    }
    return warnings;
  }

  #checkSharing(topics: readonly string[]): Promise<string | undefined> {
    return checkSharing(this.#config.MQTT_URL, this.#connection.options, topics);
  }

  async #subscribe(topics: readonly string[]): Promise<void> {
    // Before: a crash in between must not leave a subscription that nobody knows of.
    await this.#note([...this.#session.topics, ...topics]);
    const lowered = await this.#connection.subscribe([...topics], this.#config.MQTT_QOS);
    this.#lowered = [...this.#lowered, ...lowered];
  }

  #note(topics: readonly string[]): Promise<void> {
    return this.#session
      .note(topics)
      .catch((error: Error) =>
        this.#log.warn(
          { reason: error.message },
          'cannot write down what is subscribed; a topic that leaves the settings may stay subscribed',
        ),
      );
  }
}
