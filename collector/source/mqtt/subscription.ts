import type { Logger } from 'pino';
import type { BrokerSession } from './broker-session.ts';
import type { MqttConnection } from './mqtt-connection.ts';

/**
 * What is subscribed on a connection. The broker's session keeps subscriptions until somebody unsubscribes, also those of earlier
 * settings and of runs that were killed; so they are written down before they are made, and until they are gone.
 */
export class Subscription {
  readonly #connection: MqttConnection;
  readonly #session: BrokerSession;
  readonly #qos: 0 | 1;
  readonly #log: Logger;
  /** What the broker grants with QoS 0 though 1 was asked for. */
  #lowered: readonly string[] = [];

  constructor(connection: MqttConnection, session: BrokerSession, qos: 0 | 1, log: Logger) {
    this.#connection = connection;
    this.#session = session;
    this.#qos = qos;
    this.#log = log;
  }

  /** Subscribes to these topics and to no others. @throws where the broker refuses. */
  async begin(topics: readonly string[]): Promise<void> {
    await this.#subscribe(topics);
    await this.narrow(topics);
    for (const warning of this.warnings) this.#log.warn(warning);
  }

  /**
   * Subscribes to these topics too. Those that are subscribed are left alone: the broker would send again what it has kept.
   * @throws where the broker refuses; nothing more is subscribed than before then.
   */
  async widen(topics: readonly string[]): Promise<void> {
    const before = this.#session.topics;
    const added = topics.filter(topic => !before.includes(topic));
    if (added.length === 0) return;
    try {
      await this.#subscribe(added);
    } catch (error) {
      await this.narrow(before).catch(() => undefined);
      throw error;
    }
    if (added.some(topic => this.#lowered.includes(topic)))
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

  /** What the broker grants less of than asked, for a person. */
  get warnings(): string[] {
    const warnings: string[] = [];
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

  async #subscribe(topics: readonly string[]): Promise<void> {
    // Before: a crash in between must not leave a subscription that nobody knows of.
    await this.#note([...this.#session.topics, ...topics]);
    const lowered = await this.#connection.subscribe([...topics], this.#qos);
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
