import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { expect, test } from 'vitest';
import { brokers, startAuthorizing, startEmbedded } from '../harness/broker.ts';
import { databaseServers } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import {
  configFor,
  linesIn,
  readyOf,
  receiving,
  startCollector,
  withSurroundings,
} from '../harness/pipeline.ts';
import { temporaryFolder } from '../harness/server.ts';
import { webhookReceiver } from './outlet/receivers.ts';
import { collecting } from './serve/collecting.ts';

const PLAIN = '- filter: sensors/#';
const HEADER = 'sensor_id,quantity,unit,location,min_value,max_value';

/** A topics file. */
const topics = (...entries: string[]) => `topics:\n${entries.map(entry => `  ${entry}\n`).join('')}`;
const numbersOf = (place: string) => `- { filter: "${place}/{sensor}", format: number }`;

/** Publishes plain readings without a pause, until it is stopped. */
async function startStream(url: string) {
  const client = await mqtt.connectAsync(url);
  const stopped = new AbortController();
  let sent = 0;
  const begin = Date.UTC(2025, 10, 12);
  const run = (async () => {
    while (!stopped.signal.aborted) {
      const dt = new Date(begin + sent).toISOString();
      await client.publishAsync('sensors/1', payloadOf('Sensor 1', dt, sent), { qos: 1 });
      sent++;
    }
    await client.endAsync();
  })();
  return {
    get sent() {
      return sent;
    },
    async stop() {
      stopped.abort();
      await run;
      return sent;
    },
  };
}

/** The value of a metric without labels. */
async function metric(http: string, name: string): Promise<number> {
  const text = await (await fetch(`${http}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
}

test.for(brokers)(
  'reloads under a stream of messages cost none of them: $name',
  { timeout: 120_000 },
  async ({ missing, start }, context) => {
    context.skip(missing);
    await withSurroundings(databaseServers()[0]!, start, async ({ broker, database, dataDir, config }) => {
      await using folder = await temporaryFolder();
      const [topicsFile, sensorsFile] = [join(folder.path, 'topics.yaml'), join(folder.path, 'sensors.csv')];
      await writeFile(topicsFile, topics(PLAIN));
      await writeFile(sensorsFile, `${HEADER}\nSensor 1,temperature,°C,,0,1\n`);
      const env = { ...config, TOPICS_FILE: topicsFile, SENSORS_FILE: sensorsFile };
      await using running = await startCollector(env);
      const { collector, http } = running;
      await receiving(http);
      const stream = await startStream(broker.url);
      const measured = (value: number) =>
        eventually(async () =>
          expect(
            await database.query(
              `SELECT FROM silver.sensor_reading WHERE value = ${value} AND sensor_id <> 'Sensor 1'`,
            ),
          ).toHaveLength(1),
        );
      const someMore = async () => {
        const before = stream.sent;
        await eventually(() => expect(stream.sent).toBeGreaterThan(before + 20));
      };

      await someMore();
      await writeFile(topicsFile, topics(PLAIN, numbersOf('home')));
      await writeFile(sensorsFile, `${HEADER}\nSensor 1,temperature,°C,,,\n`);
      expect(await collector.reload()).toEqual({
        topics: { added: ['home/{sensor}'] },
        sensors: { changed: ['Sensor 1'] },
      });
      await publish(broker.url, [{ topic: 'home/kitchen', payload: '-1' }]);
      await measured(-1);
      await someMore();

      // Two files with three mistakes: all of them are told, and nothing is changed.
      await writeFile(topicsFile, topics(PLAIN, '- { filter: "#x", format: number }', '- { fliter: a }'));
      await writeFile(sensorsFile, `${HEADER}\nSensor 1,temperature,°C,,warm,\n`);
      const refused = await collector.reload().catch(error => error);
      expect(refused.problems.map((problem: string) => problem.slice(0, 8))).toEqual(
        expect.arrayContaining(['topics: ', 'sensors:']),
      );
      expect((await readyOf(http)).body).toMatchObject({
        status: 'degraded',
        reasons: [{ name: 'reload_refused', message: expect.stringContaining('sensors: line 2: min_value') }],
      });
      await publish(broker.url, [{ topic: 'home/kitchen', payload: '-2' }]);
      await measured(-2);
      await someMore();

      await writeFile(topicsFile, topics(PLAIN, numbersOf('garden')));
      await writeFile(sensorsFile, `${HEADER}\nSensor 1,temperature,°C,,,\n`);
      expect(await collector.reload()).toEqual({
        topics: { added: ['garden/{sensor}'], removed: ['home/{sensor}'] },
      });
      expect((await readyOf(http)).body.status).toBe('ok');
      await publish(broker.url, [
        { topic: 'home/kitchen', payload: '-3' },
        { topic: 'garden/pond', payload: '-4' },
      ]);
      await measured(-4);
      expect(await collector.reload()).toEqual({});
      await someMore();

      const sent = await stream.stop();
      const lines = await eventually(async () => {
        const all = (await linesIn(join(dataDir, 'raw'))).get('2025-11-12_Sensor_1.jsonl')!;
        expect(all).toHaveLength(sent);
        return all;
      });
      expect(lines.map(line => JSON.parse(line).value)).toEqual(Array.from({ length: sent }, (_, n) => n));
      // Nobody had to come back, and what came is what was to come: nothing that was unsubscribed, nothing that had no entry.
      expect(await metric(http, 'sluice_mqtt_connections_total')).toBe(1);
      expect(collector.progress).toMatchObject({ received: sent + 3, rejected: 0 });
      // The first file would have them between 0 and 1.
      const valid =
        "SELECT FROM silver.sensor_reading WHERE sensor_id = 'Sensor 1' AND quality = 'valid' AND value > 1";
      await eventually(async () => expect((await database.query(valid)).length).toBeGreaterThan(0));
      expect(
        JSON.parse(await readFile(join(dataDir, 'mqtt_session.json'), 'utf8')).topics.toSorted(),
      ).toEqual(['garden/+', 'sensors/#']);
    });
  },
);

test('where the broker refuses the new topics, everything stays as it was', async () => {
  await using broker = await startAuthorizing(subscription =>
    subscription.topic.startsWith('secret') ? null : subscription,
  );
  await using folder = await temporaryFolder();
  const topicsFile = join(folder.path, 'topics.yaml');
  await writeFile(topicsFile, topics(PLAIN));
  const dataDir = join(folder.path, 'data');
  const config = configFor({
    MQTT_URL: broker.url,
    DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
    DATA_DIR: dataDir,
    TOPICS_FILE: topicsFile,
  });
  await using running = await startCollector(config);
  await receiving(running.http);
  await writeFile(topicsFile, topics(numbersOf('home'), numbersOf('secret')));
  await expect(running.collector.reload()).rejects.toMatchObject({
    problems: [expect.stringMatching(/^topics: the broker refuses the subscription to secret\/\+/)],
  });
  await publish(broker.url, [
    { topic: 'home/kitchen', payload: '1' },
    { topic: 'sensors/1', payload: payloadOf('Sensor 1', '2025-11-12T00:00:00Z', 1) },
  ]);
  await eventually(() => expect(running.collector.progress.recorded).toBe(1));
  expect(running.collector.progress).toMatchObject({ received: 1, rejected: 0 });
  expect(await metric(running.http, 'sluice_mqtt_connections_total')).toBe(1);
});

test('POST /api/v1/reload needs its right, brings new tokens and takes old ones away', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'tokens');
  const [reader, operator, newcomer] = [
    'reads-and-does-no-more',
    'may-reload-the-settings',
    'reads-from-now-on-only',
  ];
  await writeFile(file, `${reader} read\n${operator} reload\n`);
  await using running = await collecting({ HTTP_TOKENS_FILE: file });
  const ask = async (path: string, token: string, method = 'GET') => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${running.http}${path}`, { method, headers });
    return { code: response.status, body: await response.json().catch(() => undefined) };
  };
  const reload = (token: string) => ask('/api/v1/reload', token, 'POST');
  expect(await reload(reader)).toMatchObject({ code: 403 });
  expect(await reload(operator)).toEqual({ code: 200, body: { changes: {} } });

  await writeFile(file, `short read\n${operator} reload\n${operator} all\n`);
  expect(await reload(operator)).toMatchObject({
    code: 422,
    body: {
      message: 'Nothing was reloaded, everything stays as it was.',
      problems: [
        expect.stringMatching(/^tokens: HTTP_TOKENS_FILE, line 1: /),
        expect.stringMatching(/^tokens: HTTP_TOKENS_FILE, line 3: /),
      ],
    },
  });
  expect((await ask('/api/v1/status', reader)).code).toBe(200);

  await writeFile(file, `${newcomer} read\n${operator} reload,read\n`);
  expect(await reload(operator)).toEqual({
    code: 200,
    body: { changes: { tokens: { added: 1, removed: 1, changed: 1 } } },
  });
  expect((await ask('/api/v1/status', reader)).code).toBe(401);
  expect((await ask('/api/v1/status', newcomer)).code).toBe(200);
});

test('whose token is taken away is cut off from the stream of events', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'tokens');
  await writeFile(file, 'listens-to-the-stream read\nmay-reload-the-settings reload\n');
  await using running = await collecting({ HTTP_TOKENS_FILE: file });
  const listening = await fetch(`${running.http}/api/v1/stream`, {
    headers: { authorization: 'Bearer listens-to-the-stream' },
  });
  const ended = listening.text();
  await writeFile(file, 'may-reload-the-settings reload\n');
  await running.collector.reload();
  expect(await Promise.race([ended.then(() => 'ended'), sleep(60_000, 'goes on', { ref: false })])).toBe(
    'ended',
  );
});

test('outlets send what the new topics file finds', async () => {
  await using receiver = await webhookReceiver();
  await withSurroundings(
    databaseServers()[0]!,
    startEmbedded,
    async ({ broker, database, dataDir, config }) => {
      const [topicsFile, outletsFile] = [join(dataDir, '../topics.yaml'), join(dataDir, '../outlets.yaml')];
      await writeFile(topicsFile, topics(PLAIN));
      await writeFile(outletsFile, JSON.stringify({ outlets: [{ name: 'consumer', ...receiver.entry }] }));
      await using running = await startCollector({
        ...config,
        TOPICS_FILE: topicsFile,
        OUTLETS_FILE: outletsFile,
      });
      await receiving(running.http);
      await eventually(async () => expect(await database.query('SELECT FROM bronze.outlet')).toHaveLength(1));
      const arrived = (value: number) =>
        eventually(async () =>
          expect((await receiver.received()).map(({ value }) => value)).toContain(value),
        );
      await publish(broker.url, [payloadOf('Sensor 1', '2025-11-12T00:00:00Z', 1)]);
      await arrived(1);
      await writeFile(topicsFile, topics(PLAIN, numbersOf('home')));
      await running.collector.reload();
      await publish(broker.url, [
        { topic: 'home/kitchen', payload: '2' },
        { topic: 'sensors/1', payload: payloadOf('Sensor 1', '2025-11-12T00:00:01Z', 3) },
      ]);
      await arrived(2);
      await arrived(3);
    },
  );
});
