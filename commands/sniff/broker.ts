import { randomBytes } from 'node:crypto';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Config } from '../../base/config.ts';
import type { Message } from './message.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** A look at a broker: a client of its own, which takes nothing away from the collector's session. */
export class Sniffing {
  readonly #client: MqttClient;

  private constructor(client: MqttClient) {
    this.#client = client;
  }

  /**
   * Connects and subscribes. What the broker keeps of it is gone when it ends.
   * @throws where the broker cannot be reached, or refuses the filter.
   */
  static async start(
    config: Config,
    filter: string,
    onMessage: (message: Message) => void,
  ): Promise<Sniffing> {
    const { MQTT_URL: url, MQTT_USERNAME: username, MQTT_PASSWORD: password } = config;
    const client = await connectAsync(
      url.replace(/^tcp:/, 'mqtt:').replace(/^(?:ssl|tls):/, 'mqtts:'),
      {
        clientId: `sluice-sniff-${randomBytes(4).toString('hex')}`,
        clean: true,
        connectTimeout: CONNECT_TIMEOUT_MS,
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
      },
      false,
    );
    client.on('message', (topic, payload, { qos, retain }) =>
      onMessage({ topic, payload, qos, retain, arrival: Date.now() * 1000 }),
    );
    // A broken connection is made anew; what is missed meanwhile is not seen.
    client.on('error', () => undefined);
    try {
      // QoS 2 shows the quality with which each message was published.
      await client.subscribeAsync(filter, { qos: 2 });
    } catch (error) {
      await client.endAsync(true);
      throw new Error(
        `The broker refuses the subscription to ${filter}. Its access control may name other topics.`,
        {
          cause: error,
        },
      );
    }
    return new Sniffing(client);
  }

  async stop(): Promise<void> {
    await this.#client.endAsync(true);
  }
}
