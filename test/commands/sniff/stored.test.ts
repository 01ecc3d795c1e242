import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTopics } from '../../../collector/payload/topics-file.ts';
import { judge, type Message } from '../../../commands/sniff/message.ts';
import { SeenTopics } from '../../../commands/sniff/seen-topics.ts';
import { suggest } from '../../../commands/sniff/suggest.ts';
import { presets } from '../../collector/payload/preset-messages.ts';
import { databaseServers } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { startMosquitto, withoutMosquitto } from '../../harness/mosquitto.ts';
import { publish } from '../../harness/mqtt.ts';
import { configFor, receiving, startCollector, withSurroundings } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

const NAMES = ['zigbee2mqtt', 'tasmota', 'shelly-gen1', 'chirpstack', 'telegraf'];

test.skipIf(withoutMosquitto)(
  'a file that is suggested for five presets stores all of their readings, unedited',
  () =>
    withSurroundings(databaseServers().at(-1)!, startMosquitto, async ({ broker, database, config }) => {
      const cases = NAMES.flatMap(name => presets[name]!.cases);
      const messages = cases.map(([topic, payload]): Message => {
        const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
        return { topic, payload: bytes, qos: 0, retain: false, arrival: Date.now() * 1000 };
      });
      const none = readTopics('topics: [{ filter: nothing }]', { zone: 'UTC' });
      const seen = new SeenTopics();
      for (const message of messages) seen.add(message, judge(none, message));
      await using folder = await temporaryFolder();
      const TOPICS_FILE = join(folder.path, 'topics.yaml');
      await writeFile(TOPICS_FILE, suggest(seen.all, { zone: 'UTC', folder: folder.path }));
      const { MQTT_URL, DATABASE_URL, DATA_DIR } = config;
      await using running = await startCollector(
        configFor({ MQTT_URL, DATABASE_URL, DATA_DIR, TOPICS_FILE }),
      );
      await receiving(running.http);
      await publish(
        broker.url,
        messages.map(({ topic, payload }) => ({ topic, payload, qos: 0 })),
      );
      const expected = cases.flatMap(([, , readings]) => (Array.isArray(readings) ? readings : []));
      const idsOf = (texts: string[]) => texts.sort();
      await eventually(async () => {
        const rows = await database.query<{ sensor_id: string }>(
          'SELECT sensor_id FROM silver.sensor_reading',
        );
        expect(idsOf(rows.map(({ sensor_id }) => sensor_id))).toEqual(
          idsOf(expected.map(reading => reading.split(' ')[0]!)),
        );
      });
    }),
);
