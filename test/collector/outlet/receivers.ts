import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import mqtt from 'mqtt';
import { loadNats } from '../../../collector/source/jetstream/nats-client.ts';
import { startMosquitto } from '../../harness/mosquitto.ts';
import { startNats } from '../../harness/nats.ts';
import { startRedis, withRedis } from '../../harness/redis.ts';
import { freePort } from '../../harness/server.ts';
import type { Received, Receiver } from './feeding.ts';

const receivedOf = ({ id, sensor_id: sensor, value }: { id: string; sensor_id: string; value: number }) => ({
  id,
  sensor,
  value,
});

export async function redisStreamReceiver(): Promise<Receiver> {
  const redis = await startRedis();
  return {
    ...redis,
    entry: { kind: 'redis-stream', url: redis.url, key: 'readings' },
    received: () =>
      withRedis(redis.url, async client =>
        ((await client.xRange('readings', '-', '+')) ?? []).map(({ message }) => ({
          id: message.id!,
          sensor: message.sensor_id!,
          value: Number(message.value),
        })),
      ),
  };
}

export async function redisListReceiver(): Promise<Receiver> {
  const redis = await startRedis();
  return {
    ...redis,
    entry: { kind: 'redis-list', url: redis.url, shape: 'reading' },
    received: () =>
      withRedis(redis.url, async client =>
        (await client.lRange('sensor_data_queue', 0, -1)).reverse().map(json => receivedOf(JSON.parse(json))),
      ),
  };
}

export async function jetStreamReceiver(): Promise<Receiver> {
  const nats = await startNats();
  const { connect, jetstream, jetstreamManager } = await loadNats();
  const connection = await connect({ servers: nats.natsUrl });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: 'readings', subjects: ['out.>'] });
  await connection.close();
  return {
    ...nats,
    entry: { kind: 'jetstream', url: nats.natsUrl, subject: 'out.readings' },
    received: async () => {
      const reading = await connect({ servers: nats.natsUrl });
      try {
        const stream = await jetstream(reading).streams.get('readings');
        const { messages } = (await stream.info()).state;
        const received: Received[] = [];
        const consumer = await stream.getConsumer();
        while (received.length < messages) {
          const message = await consumer.next();
          if (message === null) break;
          received.push(receivedOf(message.json()));
        }
        return received;
      } finally {
        await reading.close();
      }
    },
  };
}

/** A broker, and somebody who subscribes to it with a session that outlives it. */
export async function mqttReceiver(): Promise<Receiver> {
  const broker = await startMosquitto({ persistence: true });
  const received: Received[] = [];
  const client = await mqtt.connectAsync(broker.url, {
    clientId: 'consumer',
    clean: false,
    reconnectPeriod: 50,
  });
  client.on('error', () => undefined);
  client.on('message', (topic, payload) => {
    const { id, dt, value } = JSON.parse(payload.toString());
    if (topic !== `clean/${id}`) throw new Error(`${id} came by ${topic}`);
    received.push({ id: `${id} ${dt}`, sensor: id, value });
  });
  await client.subscribeAsync('clean/#', { qos: 1 });
  return {
    ...broker,
    entry: { kind: 'mqtt', url: broker.url, prefix: 'clean' },
    received: async () => [...received],
    [Symbol.asyncDispose]: async () => {
      client.end(true);
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** Key of the signatures. */
const WEBHOOK_SECRET = 'a secret of some length';

interface WebhookReceiver extends Receiver {
  /** How it answers; a status, by what was sent. */
  answer: (messages: Received[]) => number;
}

/** An HTTP server that checks the signature of what it takes. */
export async function webhookReceiver(): Promise<WebhookReceiver> {
  const port = await freePort();
  const received: Received[] = [];
  let server: Server | undefined;
  const receiver: WebhookReceiver = {
    entry: { kind: 'webhook', url: `http://127.0.0.1:${port}/in`, secret: WEBHOOK_SECRET, batch: 40 },
    received: async () => [...received],
    answer: () => 204,
    start: async () => {
      server = createServer(async (request, response) => {
        const body = await text(request);
        const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = request.headers;
        const expected = createHmac('sha256', WEBHOOK_SECRET).update(`${id}.${at}.${body}`).digest('base64');
        const messages = (JSON.parse(body).messages as Parameters<typeof receivedOf>[0][]).map(receivedOf);
        const status = signature === `v1,${expected}` ? receiver.answer(messages) : 401;
        if (status < 300) received.push(...messages);
        response.writeHead(status).end();
      });
      await new Promise<void>(resolve => server!.listen(port, '127.0.0.1', resolve));
    },
    stop: async () => {
      server?.closeAllConnections();
      await new Promise<void>(resolve => server?.close(() => resolve()) ?? resolve());
    },
    [Symbol.asyncDispose]: () => receiver.stop(),
  };
  await receiver.start();
  return receiver;
}
