import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { startEmbedded } from '../harness/broker.ts';
import { withDatabase } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import { countLines, ledgerOf, receiving } from '../harness/pipeline.ts';
import { Program } from '../harness/program.ts';
import { freePort, temporaryFolder } from '../harness/server.ts';
import { SENSORS_FILE, sluice } from './verify/pipeline.ts';

const run = promisify(execFile);
const SLUICE = join(import.meta.dirname, '../../sluice.js');
const TOOLS = '/usr/lib/postgresql/15/bin';

/** Reading `n`: one a second. */
const readings = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) =>
    payloadOf('Sensor 1', new Date(Date.UTC(2025, 10, 12) + (from + n) * 1000).toISOString(), 20),
  );

/** `sluice collect`, as a process that can be killed. */
async function startCollecting(env: Record<string, string>): Promise<Program> {
  const program = await Program.start('the collector', process.execPath, [SLUICE, 'collect'], {
    env: { PATH: process.env.PATH, ...env },
  });
  await eventually(() => receiving(`http://127.0.0.1:${env.HTTP_PORT}`));
  return program;
}

test('docs/backup.md, rehearsed: dump and copy while it collects, restore, also from an older dump', async context => {
  await withDatabase(async database => {
    // PostgreSQL's tools dump servers of their version and older ones; `npm run test:oldest` has such a pair.
    const [{ major }] = await database.query(
      "SELECT current_setting('server_version_num')::int / 10000 AS major",
    );
    context.skip(major > 15);
    await using undo = new AsyncDisposableStack();
    const broker = undo.use(await startEmbedded());
    const { path } = undo.use(await temporaryFolder());
    const env = {
      MQTT_URL: broker.url,
      DATABASE_URL: database.url,
      DATA_DIR: join(path, 'data'),
      SENSORS_FILE,
      HTTP_PORT: `${await freePort()}`,
      BATCH_MS: '20',
    };
    const dump = (file: string) =>
      run(`${TOOLS}/pg_dump`, ['--format=custom', `--file=${join(path, file)}`, database.url]);
    /** As on a new server, which has the roles, but no such database. */
    const restore = async (file: string) => {
      const name = new URL(database.url).pathname.slice(1);
      const server = inject('postgresUrl');
      await run(`${TOOLS}/dropdb`, ['--force', `--maintenance-db=${server}`, name]);
      await run(`${TOOLS}/pg_restore`, ['--create', '--no-owner', `--dbname=${server}`, join(path, file)]);
    };

    const collector = undo.use(await startCollecting(env));
    await publish(broker.url, readings(0, 50));
    await eventually(async () => expect((await ledgerOf(database)).lines).toBe(50));
    await dump('older.dump');
    await publish(broker.url, readings(50, 120));
    await eventually(async () => expect((await ledgerOf(database)).lines).toBe(120));
    // The dump and then the copy, with a stream of messages through both.
    const stream = publish(broker.url, readings(120, 1000));
    await dump('newer.dump');
    await cp(env.DATA_DIR, join(path, 'copy'), { recursive: true });
    await stream;

    // The machine is lost, and with it what came after the copy.
    collector.kill();
    await collector.ended;
    for (const [file, least, copy] of [
      ['newer.dump', 120, 'restored'],
      ['older.dump', 50, 'restored from an older dump'],
    ] as const) {
      const restored = { ...env, DATA_DIR: join(path, copy) };
      await cp(join(path, 'copy'), restored.DATA_DIR, { recursive: true });
      await restore(file);
      expect(await sluice(['migrate'], restored)).toMatchObject({ code: 0 });
      expect((await ledgerOf(database)).lines).toBeGreaterThanOrEqual(least);
      await using again = await startCollecting(restored);
      // A line that was being written when it was copied is cut off at the start; what the broker still had comes again.
      await eventually(async () =>
        expect((await ledgerOf(database)).lines).toBe(await countLines(join(restored.DATA_DIR, 'raw'))),
      );
      const [sums] = await database.query(
        `SELECT (SELECT count(*) FROM silver.sensor_reading)::int AS rows, sum(stored)::int AS stored FROM bronze.raw_file`,
      );
      expect(sums.rows).toBe(sums.stored);
      expect(sums.rows).toBeGreaterThanOrEqual(120);
      const { code, stdout } = await sluice(['verify'], restored);
      expect(stdout).toContain('Every loaded line is accounted for');
      expect(code).toBe(0);
      await again.stop();
    }
  });
});
