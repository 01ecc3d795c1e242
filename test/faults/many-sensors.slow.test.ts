import { join } from 'node:path';
import { expect, test } from 'vitest';
import { databaseServers } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { startMosquitto, withoutMosquitto } from '../harness/mosquitto.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import { ledgerOf, linesIn, receiving, withSurroundings } from '../harness/pipeline.ts';
import { freePort } from '../harness/server.ts';
import { CollectorProcess, runVerify } from './collector-process.ts';

const SENSORS = 10_000;
const DESCRIPTORS = 1024;

test.skipIf(withoutMosquitto)(
  '10,000 sensors and 1,024 descriptors: everything is recorded and stored',
  () =>
    withSurroundings(databaseServers()[0]!, startMosquitto, async ({ broker, database, dataDir }) => {
      const port = await freePort();
      const env = {
        PATH: process.env.PATH,
        MQTT_URL: broker.url,
        DATABASE_URL: database.url,
        DATA_DIR: dataDir,
        HTTP_PORT: String(port),
      };
      const died: unknown[] = [];
      const log = join(dataDir, '..', 'collector.log');
      await using collector = new CollectorProcess(env, log, ending => died.push(ending));
      collector.start(DESCRIPTORS);
      const http = `http://127.0.0.1:${port}`;
      await receiving(http);
      const round = (second: number) =>
        Array.from({ length: SENSORS }, (_, n) =>
          payloadOf(
            `Sensor ${n + 1}`,
            new Date(Date.UTC(2025, 10, 12) + second * 1000).toISOString(),
            n + second,
          ),
        );
      const sent = [...round(0), ...round(1)];
      await publish(broker.url, sent);
      await eventually(async () => expect((await ledgerOf(database)).lines).toBe(2 * SENSORS));
      expect(await ledgerOf(database)).toMatchObject({ stored: 2 * SENSORS, duplicates: 0, rejected: 0 });
      const raw = join(dataDir, 'raw');
      const recorded = await linesIn(raw);
      expect(recorded.size).toBe(SENSORS);
      expect([...recorded.values()].flat().sort()).toEqual(sent.toSorted());
      const stored = await database.query('SELECT sensor_id, time, value FROM silver.sensor_reading');
      const rows = stored.map(({ sensor_id, time, value }) =>
        payloadOf(sensor_id, time.toISOString(), value),
      );
      expect(rows.sort()).toEqual(sent.toSorted());
      expect(await database.query('SELECT count(*)::int AS n FROM silver.seen_sensor')).toEqual([
        { n: SENSORS },
      ]);
      expect((await collector.stop()).status).toBe(0);
      expect(died).toEqual([]);
      // All of them would take verify longer than the rest of the test.
      const verified = await runVerify(env, ['--sensor', 'Sensor 4711']);
      expect(verified.status, verified.output).toBe(0);
    }),
  120_000,
);
