import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { brokers } from '../../harness/broker.ts';
import { databaseServers, type TestDatabase } from '../../harness/database.ts';
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
      // Most devices publish with QoS 0; messages of one preset keep their order.
      const cases = order.flatMap((name, index) =>
        presets[name]!.cases.map(([topic, payload, readings]) => ({
          topic: topicOf(name, topic),
          payload:
            Buffer.isBuffer(payload) || typeof payload === 'string' ? payload : JSON.stringify(payload),
          qos: (index % 2) as 0 | 1,
          readings,
        })),
      );
      await publish(broker.url, cases);
      const expected = cases.flatMap(({ readings }) => (Array.isArray(readings) ? readings : []));
      await eventually(async () => expect(await storedReadings(database)).toHaveLength(expected.length));
      // What the broker delivers twice comes before what was published after it.
      await publish(broker.url, [{ topic: 'senml/last', payload: '[{"n": "last", "v": 1}]' }]);
      expected.push('last 1 now');
      await eventually(async () => {
        const ids = (await storedReadings(database)).map(({ id }) => id);
        expect(ids).toContain('last');
      });
      const stored = await storedReadings(database);
      const missing = expected.filter(reading => {
        const at = stored.findIndex(({ texts }) => texts.includes(reading));
        if (at >= 0) stored.splice(at, 1);
        return at < 0;
      });
      expect({ missing, surplus: stored }).toEqual({ missing: [], surplus: [] });
    }),
);

/** Each reading with its id and unit, as tests write them: with its time, and with "now" in its place. */
async function storedReadings(database: TestDatabase): Promise<{ id: string; texts: string[] }[]> {
  const rows = await database.query<{ id: string; reading: string; time: string }>(`
    SELECT r.sensor_id AS id, r.sensor_id || ' ' || r.value || coalesce(' ' || s.unit, '') || ' ' AS reading,
      to_char(r.time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time
    FROM silver.sensor_reading r LEFT JOIN silver.sensor s USING (sensor_id)`);
  return rows.map(({ id, reading, time }) => ({
    id,
    texts: [`${reading}now`, reading + time.replace('.000000Z', 'Z')],
  }));
}
