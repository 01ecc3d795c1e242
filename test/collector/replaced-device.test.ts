import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sluice } from '../commands/verify/pipeline.ts';
import { startEmbedded } from '../harness/broker.ts';
import { databaseServers } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import { receiving, startCollector, withSurroundings } from '../harness/pipeline.ts';
import { temporaryFolder } from '../harness/server.ts';

// The entry of docs/operating.md.
const REPLACED =
  '  - { filter: sensors/9, format: json, sensor: "Sensor 1", values: [value], time: { path: dt, zone: UTC } }\n';
const PLAIN = '  - filter: sensors/#\n';
const second = (n: number) => new Date(Date.UTC(2025, 10, 12, 10, 15, n)).toISOString();

test('a device that takes over the name of the one it replaces has one history with it', async () => {
  await withSurroundings(
    databaseServers()[0]!,
    startEmbedded,
    async ({ broker, database, dataDir, config }) => {
      await using folder = await temporaryFolder();
      const topics = join(folder.path, 'topics.yaml');
      await writeFile(topics, `topics:\n${PLAIN}`);
      const history = () =>
        database.query('SELECT sensor_id, value FROM silver.sensor_reading ORDER BY time, sensor_id');
      {
        await using running = await startCollector({ ...config, TOPICS_FILE: topics });
        await receiving(running.http);
        await publish(broker.url, [
          { topic: 'sensors/1', payload: payloadOf('Sensor 1', second(0), 20) },
          { topic: 'sensors/1', payload: payloadOf('Sensor 1', second(1), 21) },
        ]);
        await eventually(async () => expect(await history()).toHaveLength(2));
        await writeFile(topics, `topics:\n${REPLACED}${PLAIN}`);
        await running.collector.reload();
        await publish(broker.url, [
          { topic: 'sensors/9', payload: payloadOf('Sensor 9', second(2), 22) },
          // The old one says a last word, at the same instant as the new one.
          { topic: 'sensors/1', payload: payloadOf('Sensor 1', second(3), 23) },
          { topic: 'sensors/9', payload: payloadOf('Sensor 9', second(3), 24) },
        ]);
        await eventually(async () => expect(await history()).toHaveLength(4));
        await eventually(async () =>
          expect(await database.query('TABLE silver.conflicting_reading')).toHaveLength(1),
        );
      }
      const rows = await history();
      expect(new Set(rows.map(({ sensor_id }) => sensor_id))).toEqual(new Set(['Sensor 1']));
      expect(rows.map(({ value }) => value).slice(0, 3)).toEqual([20, 21, 22]);

      const env = { DATABASE_URL: database.url, DATA_DIR: dataDir, TOPICS_FILE: topics };
      const run = async (...args: string[]) => {
        const { code, stdout } = await sluice([...args, '--json'], env);
        expect({ args, code }).toEqual({ args, code: 0 });
        return JSON.parse(stdout);
      };
      expect(await run('verify')).toMatchObject({ ok: true, differences: { count: 0 } });
      expect(await run('replay')).toMatchObject({ total: { stored: 0 }, refused: [] });
      expect(await run('verify')).toMatchObject({ ok: true });
      expect(await history()).toEqual(rows);
    },
  );
});
