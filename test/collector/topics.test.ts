import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { brokers } from '../harness/broker.ts';
import { databaseServers } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { publish } from '../harness/mqtt.ts';
import { configFor, receiving, startCollector, withSurroundings } from '../harness/pipeline.ts';
import { temporaryFolder } from '../harness/server.ts';

/*
 * Messages of other devices, from the broker to silver: what the topics file says becomes rows, what it ignores nothing, and
 * plain messages stay what they are.
 */

const TOPICS = `
topics:
  - filter: sensors/#
  - filter: zigbee2mqtt/bridge/#
    ignore: true
  - filter: shellies/{device}/sensor/{field}
    format: number
    sensor: "{device}/{field}"
  - filter: zigbee2mqtt/{device}
    format: json
    sensor: "{device}/{path}"
    values: [temperature, humidity]
    time: { path: last_seen }
`;

test('a topics file makes readings of the messages of other devices', async () => {
  await using folder = await temporaryFolder();
  const topics = join(folder.path, 'topics.yaml');
  await writeFile(topics, TOPICS);
  await withSurroundings(databaseServers()[0]!, brokers[0]!.start, async surroundings => {
    const { broker, database, dataDir, config } = surroundings;
    const { DATABASE_URL, MQTT_URL } = config;
    const mapped = configFor({ DATABASE_URL, MQTT_URL, DATA_DIR: dataDir, TOPICS_FILE: topics });
    await using running = await startCollector(mapped);
    await receiving(running.http);
    const zigbee = { temperature: 21.5, humidity: 40, last_seen: '2025-11-12T10:15:01Z', linkquality: 90 };
    await publish(broker.url, [
      { topic: 'sensors/1', payload: '{"id": "Sensor 1", "dt": "2025-11-12T10:15:01Z", "value": 1}' },
      { topic: 'zigbee2mqtt/bridge/state', payload: 'online' },
      { topic: 'zigbee2mqtt/kitchen', payload: JSON.stringify(zigbee) },
      { topic: 'shellies/door/sensor/temperature', payload: '3.25' },
      { topic: 'shellies/door/sensor/state', payload: 'open' },
    ]);
    await eventually(async () => {
      const rows = await database.query(
        'SELECT sensor_id, value FROM silver.sensor_reading ORDER BY sensor_id',
      );
      expect(rows).toEqual([
        { sensor_id: 'Sensor 1', value: 1 },
        { sensor_id: 'door/temperature', value: 3.25 },
        { sensor_id: 'kitchen/humidity', value: 40 },
        { sensor_id: 'kitchen/temperature', value: 21.5 },
      ]);
    });
    const names = (await readdir(join(dataDir, 'raw'))).map(name => name.slice(11)).sort();
    expect(names).toEqual([
      '@shellies%2Fdoor%2Fsensor%2Fstate.jsonl',
      '@shellies%2Fdoor%2Fsensor%2Ftemperature.jsonl',
      '@zigbee2mqtt%2Fkitchen.jsonl',
      'Sensor_1.jsonl',
    ]);
    await eventually(async () => {
      const [{ reason } = {}] = await database.query<{ reason: string }>(
        'SELECT reason FROM silver.rejected_line',
      );
      expect(reason).toContain('not a number');
    });
  });
});

test('a wrong topics file ends the start, with every mistake', async () => {
  await using folder = await temporaryFolder();
  const topics = join(folder.path, 'topics.yaml');
  await writeFile(topics, 'topics:\n  - filter: a/#/b\n  - filter: b\n    format: nonsense\n');
  const config = configFor({
    DATABASE_URL: 'postgresql://127.0.0.1:1/none',
    DATA_DIR: folder.path,
    TOPICS_FILE: topics,
    MQTT_URL: 'mqtt://127.0.0.1:1',
  });
  const starting = startCollector(config);
  await expect(starting).rejects.toThrow(/topics\.yaml:2:/);
  await expect(starting).rejects.toThrow(/topics\.yaml:4:/);
});
