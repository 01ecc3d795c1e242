import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { databaseServers, type TestDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { startMosquitto, withoutMosquitto } from '../../harness/mosquitto.ts';
import { configFor, receiving, refresh, startCollector, withSurroundings } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { sparkplugMessage } from './sparkplug-message.ts';

/* The page's three households, as it shows them: its topics files, its messages by mosquitto_pub, its queries. */

const run = promisify(execFile);
const PAGE = join(import.meta.dirname, '../../../docs/devices/households.md');
const server = databaseServers().at(-1)!;

/** A part of the page. */
interface Household {
  yaml: string;
  /** What its `mosquitto_pub` lines publish. */
  messages: { topic: string; payload: string }[];
  queries: string[];
}

function households(): Household[] {
  const parts = readFileSync(PAGE, 'utf8').split(/^## /m).slice(1);
  return parts.map(part => {
    const blocks = (language: string) =>
      [...part.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, text]) => text!);
    const commands = blocks('sh').join('\n');
    const messages = [...commands.matchAll(/mosquitto_pub -t (\S+) -m (?:'([^']*)'|(\S+))/g)];
    return {
      yaml: blocks('yaml')[0]!,
      messages: messages.map(([, topic, quoted, plain]) => ({ topic: topic!, payload: quoted ?? plain! })),
      queries: blocks('sql').flatMap(text => text.split(';').filter(query => query.trim() !== '')),
    };
  });
}

/** Publishes as a shell does: with QoS 0. */
async function publish(url: string, topic: string, payload: string | Buffer): Promise<void> {
  const { hostname, port } = new URL(url);
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'payload');
  await writeFile(file, payload);
  await run('mosquitto_pub', ['-h', hostname, '-p', port, '-t', topic, '-f', file]);
}

/** Runs a household: its topics file, then its messages. */
async function live(
  household: Household,
  messages: { topic: string; payload: string | Buffer }[],
  use: (database: TestDatabase) => Promise<void>,
): Promise<void> {
  await withSurroundings(server, startMosquitto, async ({ broker, database, config }) => {
    await using folder = await temporaryFolder();
    const TOPICS_FILE = join(folder.path, 'topics.yaml');
    await writeFile(TOPICS_FILE, household.yaml);
    const { MQTT_URL, DATABASE_URL, DATA_DIR } = config;
    await using running = await startCollector(configFor({ MQTT_URL, DATABASE_URL, DATA_DIR, TOPICS_FILE }));
    await receiving(running.http);
    for (const { topic, payload } of messages) await publish(broker.url, topic, payload);
    await eventually(async () => {
      const [sums] = await database.query<{ lines: number }>(
        'SELECT coalesce(sum(lines), 0)::int AS lines FROM bronze.raw_file',
      );
      expect(sums!.lines).toBe(messages.length);
    });
    await refresh(database);
    await use(database);
  });
}

const [house, lorawan, plant] = households() as [Household, Household, Household];

test.skipIf(withoutMosquitto)('a house: Zigbee2MQTT, Tasmota and Shelly', () =>
  live(house, house.messages, async database => {
    const [temperatures, power] = house.queries;
    const rows = await database.query<{ sensor_id: string; value: number }>(temperatures!);
    expect(rows.map(({ sensor_id, value }) => [sensor_id, value]).sort()).toEqual([
      ['hall/temperature', 21.5],
      ['shellyht-7A45/sensor/temperature', 21.38],
    ]);
    expect(await database.query(power!)).toEqual([
      { bucket: new Date('2026-11-26T08:00:00Z'), val_mean: 25 },
    ]);
    expect(
      await database.query("SELECT unit, location FROM silver.sensor WHERE sensor_id = 'hall/humidity'"),
    ).toEqual([{ unit: '%', location: 'House' }]);
  }),
);

test.skipIf(withoutMosquitto)('LoRaWAN with ChirpStack', () =>
  live(lorawan, lorawan.messages, async database => {
    expect(await database.query(lorawan.queries[0]!)).toEqual([
      { name: 'Soil 1 moisture', time: new Date('2026-11-26T08:00:00.500Z'), value: 41.5 },
    ]);
  }),
);

test.skipIf(withoutMosquitto)('a plant with Sparkplug B', () => {
  const timestamp = Date.UTC(2025, 10, 12, 10);
  const data = (seq: number, after: number) =>
    sparkplugMessage({ timestamp: timestamp + after, seq, metrics: [{ alias: 1, double_value: 1 + after }] });
  const unit = { keys: ['engUnit'], values: [{ string_value: 'bar' }] };
  const metric = { name: 'Pressure', alias: 1, datatype: 10, double_value: 1, properties: unit };
  const messages = [
    // Before its birth nobody knows what the alias is; it stays in the raw files.
    { topic: 'spBv1.0/Plant/DDATA/Line 1/Pump', payload: data(7, 0) },
    { topic: 'spBv1.0/Plant/NBIRTH/Line 1', payload: sparkplugMessage({ timestamp, seq: 0, metrics: [] }) },
    {
      topic: 'spBv1.0/Plant/DBIRTH/Line 1/Pump',
      payload: sparkplugMessage({ timestamp, seq: 1, metrics: [metric] }),
    },
    { topic: 'spBv1.0/Plant/DDATA/Line 1/Pump', payload: data(2, 1000) },
  ];
  return live(plant, messages, async database => {
    expect(await database.query(plant.queries[0]!)).toEqual([
      { sensor_id: 'Plant/Line 1/Pump/Pressure', last: new Date(timestamp + 1000) },
    ]);
    expect(await database.query('SELECT reason FROM silver.rejected_line')).toEqual([
      { reason: 'an alias that no birth before it explains' },
    ]);
    expect(await database.query("SELECT unit FROM silver.sensor WHERE sensor_id LIKE 'Plant/%'")).toEqual([
      { unit: 'bar' },
    ]);
  });
});
