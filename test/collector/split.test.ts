import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CollectorProcess, runVerify } from '../faults/collector-process.ts';
import { settings } from '../faults/world.ts';
import { withDatabase } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { startMosquitto, withoutMosquitto } from '../harness/mosquitto.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import { loaded, readyOf } from '../harness/pipeline.ts';
import { freePort, temporaryFolder } from '../harness/server.ts';

/** Messages of one reading each, on topics below `site`. */
function messages(site: string, from: number, count: number) {
  return Array.from({ length: count }, (_, index) => {
    const ms = String(from + index).padStart(3, '0');
    return {
      topic: `${site}/1`,
      payload: payloadOf(`${site} 1`, `2025-11-12T10:15:01.${ms}Z`, from + index),
    };
  });
}

test.skipIf(withoutMosquitto)(
  'two collectors split topics by filter; a new machine takes over from one that is killed',
  async () => {
    await using stack = new AsyncDisposableStack();
    const broker = stack.use(await startMosquitto());
    const folder = stack.use(await temporaryFolder());
    await withDatabase(async database => {
      const start = async (name: string, site: string, clientId: string) => {
        const port = await freePort();
        const env = settings({
          MQTT_URL: broker.url,
          MQTT_TOPICS: `${site}/#`,
          MQTT_CLIENT_ID: clientId,
          DATABASE_URL: database.url,
          DATA_DIR: join(folder.path, name),
          HTTP_PORT: String(port),
          BATCH_MS: '20',
        });
        const process = stack.use(
          new CollectorProcess(env, join(folder.path, `${name}.log`), ({ status, signal }) => {
            throw new Error(`${name} ended by itself: ${signal ?? status}`);
          }),
        );
        process.start();
        await eventually(async () =>
          expect((await readyOf(`http://127.0.0.1:${port}`)).body.broker).toMatchObject({ connected: true }),
        );
        return { env, process };
      };
      const east = await start('east', 'east', 'collector-east');
      const west = await start('west', 'west', 'collector-west');
      await publish(broker.url, [...messages('east', 0, 50), ...messages('west', 0, 50)]);
      await loaded(database, 100);

      await west.process.kill();
      await publish(broker.url, [...messages('east', 50, 50), ...messages('west', 50, 50)]);
      // Its volume is gone; the session at the broker has what it did not acknowledge.
      await rm(join(folder.path, 'west'), { recursive: true });
      const successor = await start('west-again', 'west', 'collector-west');
      await eventually(async () => {
        const rows = await database.query(
          'SELECT sensor_id, count(*)::int AS n FROM silver.sensor_reading GROUP BY 1 ORDER BY 1',
        );
        expect(rows).toEqual([
          { sensor_id: 'east 1', n: 100 },
          { sensor_id: 'west 1', n: 100 },
        ]);
      });
      for (const { process } of [east, successor]) await process.stop();
      for (const [{ env }, other] of [
        [east, successor],
        [successor, east],
      ] as const) {
        // Only the one that was killed cannot be looked at.
        expect(await runVerify(env, ['--data', other.env.DATA_DIR!, '--only-mine'])).toMatchObject({
          status: 0,
          output: expect.stringMatching(/^Not looked at: collector-west-\w+\. /m),
        });
      }
    });
  },
);
