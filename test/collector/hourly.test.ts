import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configuredTopics } from '../../collector/payload/configured-topics.ts';
import { verify } from '../../commands/verify/verify.ts';
import { connect } from '../../db/connect.ts';
import { brokers } from '../harness/broker.ts';
import { databaseServers } from '../harness/database.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import {
  configFor,
  linesIn,
  loaded,
  receiving,
  startCollector,
  withSurroundings,
} from '../harness/pipeline.ts';

/*
 * RAW_PARTITION=hour, from the broker to silver, and a folder in which files were cut in both ways.
 */

const TOPICS = `
topics:
  - filter: sensors/#
  - filter: plugs/{device}
    format: number
    sensor: "plug {device}"
    retained: take
`;

const at = (time: string) => `2025-11-12T${time}.000Z`;

test('files of hours hold all sensors, and the setting can be changed on the way', async () => {
  await withSurroundings(
    databaseServers()[0]!,
    brokers[0]!.start,
    async ({ broker, database, dataDir, config }) => {
      const topics = join(dataDir, '..', 'topics.yml');
      await writeFile(topics, TOPICS);
      const { DATABASE_URL, MQTT_URL } = config;
      const settings = (RAW_PARTITION: string) =>
        configFor({ DATABASE_URL, MQTT_URL, DATA_DIR: dataDir, TOPICS_FILE: topics, RAW_PARTITION });
      const sendTo = async (partition: string, lines: number, ...payloads: string[]) => {
        await using running = await startCollector(settings(partition));
        await receiving(running.http);
        const plain = payloads.map((payload, n) => ({ topic: `sensors/${n}`, payload }));
        await publish(broker.url, [...plain, { topic: 'plugs/1', payload: String(lines) }]);
        await loaded(database, lines);
      };
      const readings = [
        payloadOf('Sensor 1', at('10:59:59'), 1),
        payloadOf('Sensor 2', at('10:59:59'), 2),
        payloadOf('Sensor 1', at('11:10:00'), 3),
        payloadOf('Sensor 1', at('10:00:00'), 4),
        payloadOf('Sensor 2', at('10:59:59'), 2),
      ];
      await sendTo('hour', 6, ...readings);
      await sendTo('sensor', 8, payloadOf('Sensor 1', at('10:30:00'), 5));
      await sendTo('hour', 10, payloadOf('Sensor 2', at('10:30:00'), 6));

      const files = await linesIn(join(dataDir, 'raw'));
      const ofCollector = (name: string) => /^2025-11-12T1[01]_@@sluice-[0-9a-f]{8}\.jsonl$/.test(name);
      const hours = [...files].filter(([name]) => ofCollector(name)).map(([, lines]) => lines);
      expect(hours).toEqual([
        [readings[0], readings[1], readings[3], readings[4], payloadOf('Sensor 2', at('10:30:00'), 6)],
        [readings[2]],
      ]);
      expect(files.get('2025-11-12_Sensor_1.jsonl')).toEqual([payloadOf('Sensor 1', at('10:30:00'), 5)]);
      const ofPlugs = [...files].filter(([name]) => name.includes('_@@@') || name.includes('_@plugs'));
      expect(ofPlugs.flatMap(([, lines]) => lines.map(line => JSON.parse(line).payload)).sort()).toEqual([
        10, 6, 8,
      ]);
      expect((await readdir(join(dataDir, 'raw'))).filter(name => name.endsWith('.late'))).toHaveLength(2);

      const rows = await database.query(
        "SELECT sensor_id, value, late FROM silver.sensor_reading WHERE sensor_id LIKE 'Sensor%' ORDER BY value",
      );
      expect(rows.map(({ value, late }) => [value, late])).toEqual([
        [1, false],
        [2, false],
        [3, false],
        [4, true],
        [5, true],
        [6, true],
      ]);
      const client = await connect(database.url, 'test', () => undefined);
      const [{ collector }] = await database.query('SELECT DISTINCT collector FROM bronze.raw_file');
      const report = await verify(client, {
        dataDir,
        collector,
        topics: configuredTopics(settings('hour')),
        lateMinutes: 5,
      });
      await client.end();
      expect(report).toMatchObject({ ok: true, total: { lines: 10, pending: 0 } });
      const onlyOne = await connect(database.url, 'test', () => undefined);
      const scoped = await verify(onlyOne, {
        dataDir,
        collector,
        topics: configuredTopics(settings('hour')),
        sensor: 'Sensor 1',
        date: '2025-11-12',
      });
      await onlyOne.end();
      expect(scoped.differences).toEqual({ count: 0, first: [] });
    },
  );
});
