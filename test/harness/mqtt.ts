import mqtt from 'mqtt';

/** A message to publish; a topic that is not named is `sensors/test`. */
export type Message = string | Buffer | { topic: string; payload: string | Buffer };

/** Publishes messages with QoS 1, in their order. Resolves when the broker has acknowledged all. */
export async function publish(url: string, messages: readonly Message[]): Promise<void> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 90_000 });
  await Promise.all(
    messages.map(message => {
      const { topic, payload } =
        typeof message === 'string' || Buffer.isBuffer(message)
          ? { topic: 'sensors/test', payload: message }
          : message;
      return client.publishAsync(topic, payload, { qos: 1 });
    }),
  );
  await client.endAsync();
}

/** A payload as the generator sends it. */
export function payloadOf(id: string, dt: string, value: unknown): string {
  return JSON.stringify({ id, dt, value });
}
