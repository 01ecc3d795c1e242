import type { MqttClient } from 'mqtt';
import { z } from 'zod';
import { type Consumer, kind, type Surroundings, urlOption } from '../kind.ts';
import { type Message, numberOf } from '../message.ts';

/** How long a connection may take. */
const CONNECT_MS = 10_000;
const KEEPALIVE_S = 30;

const PREFIX = 'must be the first levels of topics without wildcards, such as clean/readings';
const CLIENT_ID = 'must be 1 to 65 printable ASCII characters without spaces';

/** The same broker, published to below a prefix, or another one: `{"id", "dt", "value"}`, as a collector takes it. */
export const mqtt = kind({
  name: 'mqtt',
  window: 3,
  options: {
    url: urlOption('mqtt:', 'mqtts:', 'ws:', 'wss:').describe('The broker, with user and password.'),
    prefix: z
      .string(PREFIX)
      .regex(/^[^+#\0/$][^+#\0]*[^+#\0/]$|^[^+#\0/$]$/, PREFIX)
      .describe('First levels of the topics: the sensor’s id follows.'),
    client_id: z
      .string(CLIENT_ID)
      .regex(/^[\x21-\x7e]{1,65}$/, CLIENT_ID)
      .optional()
      .describe('Default: sluice-outlet-NAME.'),
    retain: z
      .boolean('must be true or false')
      .default(false)
      .describe('Whether the broker keeps the last message of each topic.'),
  },
  examine({ url, prefix }, surroundings, report) {
    const taken = takenBack(url, prefix, surroundings);
    if (taken !== undefined) {
      report(
        'prefix',
        `must not lie within ${taken}, which the collector subscribes to at the same broker: it would record what it sends`,
      );
    }
  },
  async open({ url, prefix, client_id: clientId, retain }, { name }): Promise<Consumer> {
    const { connectAsync } = await import('mqtt');
    const client = await connectAsync(url, {
      // With 5 a broker may ask for fewer messages in flight than the library keeps to.
      protocolVersion: 4,
      clientId: clientId ?? `sluice-outlet-${name}`,
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_MS,
      keepalive: KEEPALIVE_S,
      queueQoSZero: false,
    });
    const lost = lossOf(client);
    const publish = async (message: Message) => {
      const topic = `${prefix}/${topicLevels(message.sensorId)}`;
      await client.publishAsync(topic, textOf(message), { qos: 1, retain });
    };
    return {
      async send(messages) {
        await Promise.race([Promise.all(messages.map(publish)), lost]);
        return 0;
      },
      close: () => void client.end(true),
    };
  },
});

/** Rejects when the connection is lost. */
function lossOf(client: MqttClient): Promise<never> {
  const lost = new Promise<never>((_, reject) => {
    client.on('error', reject);
    client.on('close', () => reject(new Error('the connection to the broker was lost')));
  });
  lost.catch(() => undefined);
  return lost;
}

/** What a topic can hold of a sensor's id [MQTT-4.7.1], [MQTT-4.7.3-2]: wildcards are percent-encoded, slashes stay. */
function topicLevels(sensorId: string): string {
  return sensorId.replaceAll(/[+#\0%]/g, encodeURIComponent);
}

function textOf(message: Message): string {
  const { sensorId: id, time: dt, fields } = message;
  return JSON.stringify({ id, dt, value: numberOf(message), ...fields });
}

/** The filter by which the collector would get back what is published below a prefix. */
function takenBack(url: string, prefix: string, { broker, subscribed }: Surroundings): string | undefined {
  if (addressOf(url) !== addressOf(broker)) return undefined;
  const levels = prefix.split('/');
  return subscribed.find(filter => overlaps(filter, levels))?.join('/');
}

/** Whether a filter matches any topic below some levels. */
function overlaps(filter: readonly string[], levels: readonly string[]): boolean {
  for (const [at, level] of filter.entries()) {
    if (level === '#') return true;
    if (at >= levels.length) return true;
    if (level !== '+' && level !== levels[at]) return false;
  }
  return false;
}

/** Host and port of a broker, whatever it is spoken to by. */
function addressOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  const host = /^(?:localhost|::1|\[::1\]|127(?:\.\d+){3})$/i.test(hostname) ? 'localhost' : hostname;
  return `${host}:${port || (/^(?:mqtts|ssl|tls):$/.test(protocol) ? 8883 : 1883)}`;
}
