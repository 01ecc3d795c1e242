import mqtt from 'mqtt';

/** A message to publish; a topic that is not named is `sensors/test`. */
export type Message = string | Buffer | { topic: string; payload: string | Buffer; qos?: 0 | 1 };

/** Publishes messages, with QoS 1 unless they say otherwise, in their order. Resolves when the broker has acknowledged those of QoS 1. */
export async function publish(url: string, messages: readonly Message[]): Promise<void> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 90_000 });
  await Promise.all(
    messages.map(message => {
      const {
        topic,
        payload,
        qos = 1,
      } = typeof message === 'string' || Buffer.isBuffer(message)
        ? { topic: 'sensors/test', payload: message, qos: 1 as const }
        : message;
      return client.publishAsync(topic, payload, { qos });
    }),
  );
  await client.endAsync();
}

/** A payload as the generator sends it. */
export function payloadOf(id: string, dt: string, value: unknown): string {
  return JSON.stringify({ id, dt, value });
}
