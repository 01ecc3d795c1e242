import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import { startEmbedded } from '../../harness/broker.ts';
import { databaseServers } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { configFor, loaded, receiving, startCollector, withSurroundings } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

interface Watched {
  http: string;
  publish(payloads: string[], topic?: string): Promise<void>;
  loaded(lines: number): Promise<void>;
}

/** Lends a collector that receives. */
function withCollector(use: (watched: Watched) => Promise<void>, topics?: string): Promise<void> {
  return withSurroundings(databaseServers()[0]!, startEmbedded, async ({ broker, database, config }) => {
    await using folder = await temporaryFolder();
    const { MQTT_URL, DATABASE_URL, DATA_DIR } = config;
    const TOPICS_FILE = join(folder.path, 'topics.yaml');
    if (topics !== undefined) await writeFile(TOPICS_FILE, topics);
    await using collector = await startCollector(
      topics === undefined ? config : configFor({ MQTT_URL, DATABASE_URL, DATA_DIR, TOPICS_FILE }),
    );
    await receiving(collector.http);
    const client = await connectAsync(broker.url);
    await use({
      http: collector.http,
      publish: async (payloads, topic = 'sensors/1') => {
        for (const payload of payloads) await client.publishAsync(topic, payload, { qos: 1 });
      },
      loaded: lines => loaded(database, lines),
    });
    await client.endAsync();
  });
}

const reading = (id: string, value: number, ms = Date.now()) =>
  JSON.stringify({ id, dt: new Date(ms).toISOString(), value });

/** Value by series. */
async function scrape(http: string): Promise<Map<string, number>> {
  const body = await (await fetch(`${http}/metrics`)).text();
  const series = body.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return new Map(
    series.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('/metrics adds up: received = recorded + rejected, recorded = what was loaded', () =>
  withCollector(async ({ http, publish, loaded }) => {
    const now = Date.now();
    const first = reading('Sensor 1', 1, now);
    await publish([first, first, reading('Sensor 1', 2, now), reading('Sensor 2', 3), 'no reading']);
    await fetch(`${http}/api/v1/readings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: reading('Sensor 3', 4),
    });
    await loaded(5);
    await eventually(async () => {
      const series = await scrape(http);
      expect(series.get('sluice_messages_received_total{source="mqtt"}')).toBe(5);
      expect(series.get('sluice_messages_received_total{source="http"}')).toBe(1);
      expect(series.get('sluice_messages_recorded_total')).toBe(5);
      expect(
        series.get('sluice_messages_rejected_total{source="mqtt",entry="plain messages",reason="not JSON"}'),
      ).toBe(1);
      expect(series.get('sluice_lines_loaded_total{outcome="stored"}')).toBe(3);
      expect(series.get('sluice_lines_loaded_total{outcome="duplicate"}')).toBe(1);
      expect(series.get('sluice_lines_loaded_total{outcome="conflict"}')).toBe(1);
      expect(series.get('sluice_group_messages_sum')).toBe(6);
      expect(series.get('sluice_batch_lines_sum')).toBe(5);
      expect(series.get('sluice_loading_pending_bytes')).toBe(0);
      expect(series.get('sluice_loading_lag_seconds')).toBe(0);
      expect(series.get('sluice_mqtt_connected')).toBe(1);
      expect(series.get('sluice_database_connected')).toBe(1);
    });
  }));

test('what becomes of messages is counted by the entry of the topics file', () =>
  withCollector(async ({ http, publish, loaded }) => {
    await publish([reading('Sensor 1', 1), 'no reading'], 'sensors/1');
    await publish(['21.5', 'warm', 'cold'], 'house/hall');
    await loaded(4);
    const status = (await (await fetch(`${http}/api/v1/status`)).json()) as { rejects: object[] };
    expect(status.rejects).toMatchObject([
      { source: 'mqtt', entry: 'sensors/#', reason: 'not JSON', count: 1 },
    ]);
    await eventually(async () => {
      const series = await scrape(http);
      const counted = [...series].filter(([name]) => /_(?:taken|rejected|refused)_total/.test(name));
      expect(Object.fromEntries(counted)).toEqual({
        'sluice_messages_taken_total{entry="plain messages"}': 0,
        'sluice_messages_taken_total{entry="sensors/#"}': 1,
        'sluice_messages_taken_total{entry="house/{room}"}': 3,
        'sluice_messages_rejected_total{source="mqtt",entry="sensors/#",reason="not JSON"}': 1,
        'sluice_lines_refused_total{entry="house/{room}",reason="not a number"}': 2,
      });
    });
  }, 'topics: [{filter: "house/{room}", format: number, sensor: "{room}"}, {filter: "sensors/#"}]'));

test('every series of /metrics is described in docs/metrics.md, and the other way round', () =>
  withCollector(async ({ http, publish, loaded }) => {
    await publish([reading('Sensor 1', 1), 'no reading']);
    await loaded(1);
    const page = await readFile(join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8');
    const described = new Set(
      [...page.matchAll(/^\| `(\w+)` *\| (\w+)/gm)].map(([, name, type]) => `${name} ${type}`),
    );
    const served = new Set<string>();
    for (const [, name, type] of (await (await fetch(`${http}/metrics`)).text()).matchAll(
      /^# TYPE (\w+) (\w+)/gm,
    ))
      served.add(`${name} ${type}`);
    expect([...served].sort()).toEqual([...described].sort());
  }));

test('/api/v1/status has counts and lags of each stage', () =>
  withCollector(async ({ http, publish, loaded }) => {
    await publish([reading('Sensor 1', 1), 'no reading']);
    await loaded(1);
    await eventually(async () =>
      expect(await (await fetch(`${http}/api/v1/status`)).json()).toMatchObject({
        received: 2,
        recorded: 1,
        rejected: 1,
        stored: 1,
        broker: { connected: true },
        database: { connected: true },
        recording: { ok: true, pending_bytes: 0 },
        loading: { pending_bytes: 0, lag_s: 0 },
      }),
    );
  }));

test('/api/v1/stream sends each reading of the sensor that is asked for, once it is recorded', () =>
  withCollector(async ({ http, publish }) => {
    const response = await fetch(`${http}/api/v1/stream?sensor=${encodeURIComponent('Sensor 2')}`);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await publish([reading('Sensor 1', 1), reading('Sensor 2', 2), reading('Sensor 2', 3)]);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while ((text.match(/event: reading/g) ?? []).length < 2) text += (await reader.read()).value;
    expect([...text.matchAll(/data: (.*)/g)].map(([, data]) => JSON.parse(data!))).toMatchObject([
      { sensor_id: 'Sensor 2', value: 2 },
      { sensor_id: 'Sensor 2', value: 3 },
    ]);
    await reader.cancel();
  }));
