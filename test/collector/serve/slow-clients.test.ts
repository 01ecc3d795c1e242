import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startEmbedded } from '../../harness/broker.ts';
import { withDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { publish } from '../../harness/mqtt.ts';
import { receiving } from '../../harness/pipeline.ts';
import { collecting, post, readingAt } from './collecting.ts';

const CLIENTS = 1000;

test('a thousand slow clients hold up neither recording nor those who are not slow', async () => {
  await using broker = await startEmbedded();
  await withDatabase(async database => {
    await database.query(
      `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
       SELECT timestamptz '2024-05-01' + n * interval '10 ms', 'Voltage', n, 'valid' FROM generate_series(1, 300000) n`,
    );
    await using running = await collecting({ MQTT_URL: broker.url, DATABASE_URL: database.url });
    await receiving(running.http);
    const before = process.memoryUsage().rss;
    const clients = await startSlowClients(Number(new URL(running.http).port));
    try {
      const readings = Array.from({ length: 2000 }, (_, second) => readingAt(second));
      await publish(broker.url, readings);
      await eventually(() => expect(running.collector.progress.recorded).toBe(readings.length));
      expect((await post(`${running.http}/api/v1/readings`, readingAt(3000))).code).toBe(202);
      expect((await fetch(`${running.http}/health`)).status).toBe(200);
      expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
    } finally {
      for (const client of clients) client.destroy();
    }
    await eventually(async () =>
      expect((await fetch(`${running.http}/data?from=2024-05-01&to=2024-05-01T00:00:01Z`)).status).toBe(200),
    );
  });
});

test('1,500 connections that say nothing, or half of something, keep nobody out', async () => {
  await using running = await collecting();
  const port = Number(new URL(running.http).port);
  const begin = 'POST /api/v1/readings HTTP/1.1\r\nhost: localhost\r\n';
  const clients = await Promise.all(
    Array.from({ length: 1500 }, async (_, n) => {
      const client = connect(port, '127.0.0.1').on('error', () => undefined);
      await once(client, 'connect');
      if (n % 3 > 0)
        client.write(
          n % 3 === 1 ? begin : `${begin}content-type: application/json\r\ncontent-length: 99\r\n\r\n[`,
        );
      return client;
    }),
  );
  try {
    for (let second = 0; second < 5; second++) {
      // Each on a connection of its own, which must find room among them. Left to time limits it takes 10 s.
      const ask = (path: string, request: RequestInit) =>
        fetch(`${running.http}${path}`, { ...request, signal: AbortSignal.timeout(5000) });
      expect((await ask('/health', { headers: { connection: 'close' } })).status).toBe(200);
      const headers = { connection: 'close', 'content-type': 'application/json' };
      const ingested = await ask('/api/v1/readings', { method: 'POST', body: readingAt(second), headers });
      expect(ingested.status).toBe(202);
    }
  } finally {
    for (const client of clients) client.destroy();
  }
});

/** A third sends a body and stops half way, a third its headers, and a third asks for a lot and reads nothing of it. */
async function startSlowClients(port: number): Promise<Socket[]> {
  const post = 'POST /api/v1/readings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
  const beginnings = [
    `${post}content-length: 5000000\r\n\r\n[${'x'.repeat(20_000)}`,
    post,
    'GET /data?from=2024-05-01&to=2024-05-01 HTTP/1.1\r\nhost: localhost\r\n\r\n',
  ];
  const clients = Array.from({ length: CLIENTS }, () =>
    connect(port, '127.0.0.1').on('error', () => undefined),
  );
  await Promise.all(
    clients.map(async (client, n) => {
      await once(client, 'connect');
      client.pause();
      await new Promise(resolve => client.write(beginnings[n % 3]!, resolve));
    }),
  );
  return clients;
}
