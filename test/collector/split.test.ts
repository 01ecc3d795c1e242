import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CollectorProcess, runVerify } from '../faults/collector-process.ts';
import { TcpProxy } from '../faults/proxy.ts';
import { settings } from '../faults/world.ts';
import { withDatabase } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { startMosquitto, withoutMosquitto } from '../harness/mosquitto.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import { countLines, loaded, readyOf } from '../harness/pipeline.ts';
import { freePort, temporaryFolder } from '../harness/server.ts';

const program = fileURLToPath(new URL('../../sluice.js', import.meta.url));

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

/** Loads a volume that was found again. */
async function loadFrom(volume: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, [program, 'replay'], {
    env: { ...env, DATA_DIR: volume },
    stdio: 'ignore',
  });
  expect((await once(child, 'close'))[0]).toBe(0);
}

test.skipIf(withoutMosquitto)(
  'two collectors split topics by filter; a new machine takes over from one that is killed',
  async () => {
    await using stack = new AsyncDisposableStack();
    const broker = stack.use(await startMosquitto());
    const folder = stack.use(await temporaryFolder());
    await withDatabase(async database => {
      const address = new URL(database.url);
      await using proxy = await TcpProxy.start(Number(address.port));
      address.port = String(proxy.port);
      const start = async (name: string, site: string, clientId: string, databaseUrl = database.url) => {
        const port = await freePort();
        const env = settings({
          MQTT_URL: broker.url,
          MQTT_TOPICS: `${site}/#`,
          MQTT_CLIENT_ID: clientId,
          DATABASE_URL: databaseUrl,
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
      const west = await start('west', 'west', 'collector-west', address.href);
      await publish(broker.url, [...messages('east', 0, 50), ...messages('west', 0, 50)]);
      await loaded(database, 100);

      // What it records while the database is away is on its volume alone.
      proxy.refuse();
      await publish(broker.url, messages('west', 100, 20));
      await eventually(async () => expect(await countLines(join(folder.path, 'west', 'raw'))).toBe(70));
      await west.process.kill();
      await publish(broker.url, [...messages('east', 50, 50), ...messages('west', 50, 50)]);
      // Its volume is out of reach; the session at the broker has what it did not acknowledge.
      const volume = join(folder.path, 'found again');
      await rename(join(folder.path, 'west'), volume);
      const successor = await start('west-again', 'west', 'collector-west');
      const stored = async (ofEast: number, ofWest: number) => {
        const rows = await database.query(
          'SELECT sensor_id, count(*)::int AS n FROM silver.sensor_reading GROUP BY 1 ORDER BY 1',
        );
        expect(rows).toEqual([
          { sensor_id: 'east 1', n: ofEast },
          { sensor_id: 'west 1', n: ofWest },
        ]);
      };
      await eventually(() => stored(100, 100));
      for (const { process } of [east, successor]) await process.stop();
      for (const [{ env }, other] of [
        [east, successor],
        [successor, east],
      ] as const) {
        // Only the one that was killed cannot be looked at.
        const args = ['--data', other.env.DATA_DIR!];
        const { status, output } = await runVerify(env, args);
        expect(output).toMatch(/^Not looked at: collector-west-\w+\. /m);
        expect(output).toMatch(
          /^ {2}collector-west-\w+ had loaded 50 lines by .*Z\. What its data folder holds/m,
        );
        expect(status).toBe(1);
        expect(await runVerify(env, [...args, '--only-mine'])).toMatchObject({ status: 0 });
      }
      const all = ['--data', successor.env.DATA_DIR!, '--data', volume];
      const found = await runVerify(east.env, all);
      expect(found.output).toContain(`  20 lines of them in ${volume}, at which no collector is at work`);
      await loadFrom(volume, { ...west.env, DATABASE_URL: database.url });
      await stored(100, 120);
      expect((await runVerify(east.env, all)).output).not.toContain('not loaded yet');
      expect(await runVerify(east.env, all)).toMatchObject({ status: 0 });
    });
  },
);
