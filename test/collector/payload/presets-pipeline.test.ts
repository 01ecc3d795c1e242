import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { brokers } from '../../harness/broker.ts';
import { databaseServers } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { publish } from '../../harness/mqtt.ts';
import { configFor, receiving, startCollector, withSurroundings } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { presets } from './preset-messages.ts';

const { start, missing } = brokers.at(-1)!;
const server = databaseServers().at(-1)!;

/** Those whose topics begin with a level of their own come first: the others match what is not theirs. */
const order = Object.keys(presets).sort((a, b) => Number(isOpen(a)) - Number(isOpen(b)));
function isOpen(name: string): boolean {
  return name === 'esphome' || name === 'shelly-gen2';
}

/** Both presets of Telegraf have one base; here they are beside each other. */
const topicOf = (name: string, topic: string) =>
  name === 'telegraf-json' ? topic.replace('telegraf/', 'telegraf-json/') : topic;
const useOf = (name: string) =>
  name === 'telegraf-json'
    ? 'use: telegraf-json, base: telegraf-json'
    : (presets[name]!.use ?? `use: ${name}`);

test.skipIf(missing)(
  'what each preset’s devices send is in the database, with id, value, unit and time',
  () =>
    withSurroundings(server, start, async ({ broker, database, config }) => {
      await using folder = await temporaryFolder();
      const TOPICS_FILE = join(folder.path, 'topics.yaml');
      await writeFile(TOPICS_FILE, `topics:\n${order.map(name => `  - { ${useOf(name)} }`).join('\n')}\n`);
      const { MQTT_URL, DATABASE_URL, DATA_DIR } = config;
      await using running = await startCollector(
        configFor({ MQTT_URL, DATABASE_URL, DATA_DIR, TOPICS_FILE }),
      );
      await receiving(running.http);
      const cases = order.flatMap(name =>
        presets[name]!.cases.map(([topic, ...rest]) => [topicOf(name, topic), ...rest] as const),
      );
      await publish(
        broker.url,
        cases.map(([topic, payload]) => ({
          topic,
          payload: Buffer.isBuffer(payload)
            ? payload
            : typeof payload === 'string'
              ? payload
              : JSON.stringify(payload),
        })),
      );
      const expected = cases.flatMap(([, , readings]) => (Array.isArray(readings) ? readings : []));
      // A text for each row, with its time, and with "now" in its place.
      const stored = async () => {
        const rows = await database.query<{ sensor_id: string; reading: string; time: string }>(`
        SELECT r.sensor_id, r.sensor_id || ' ' || r.value || coalesce(' ' || s.unit, '') || ' ' AS reading,
          to_char(r.time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time
        FROM silver.sensor_reading r LEFT JOIN silver.sensor s USING (sensor_id)`);
        return {
          ids: new Set(rows.map(({ sensor_id }) => sensor_id)),
          texts: rows.flatMap(({ reading, time }) => [
            `${reading}now`,
            reading + time.replace('.000000Z', 'Z'),
          ]),
        };
      };
      await eventually(async () => {
        const { texts } = await stored();
        expect(expected.filter(reading => !texts.includes(reading))).toEqual([]);
      });
      const { ids } = await stored();
      expect([...ids].filter(id => !expected.some(reading => reading.startsWith(`${id} `)))).toEqual([]);
    }),
);
