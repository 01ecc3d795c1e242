import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startEmbedded } from '../../harness/broker.ts';
import { databaseServers } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { payloadOf, publish } from '../../harness/mqtt.ts';
import { receiving, startCollector, withSurroundings } from '../../harness/pipeline.ts';
import { type Pipeline, SENSORS_FILE, sluice, withPipeline } from '../verify/pipeline.ts';

const HEADER = 'sensor_id,quantity,unit,location,min_value,max_value';

/** The registry lives in the database. */
const none = (pipeline: Pipeline) => ({ ...pipeline.env, SENSORS_FILE: 'none' });

test('import adds and changes; export gives a file that import takes back unchanged', async () => {
  await withPipeline(async pipeline => {
    const file = join(pipeline.folder, 'mine.csv');
    writeFileSync(
      file,
      `${HEADER},expected_interval\nSensor 1,temperature,°C,Hall 1,0,50,PT1S\nNew,flow,l/s,,,,\n`,
    );
    const done = await sluice(['sensors', 'import', file], none(pipeline));
    expect(done).toEqual({ code: 0, stderr: '', stdout: '1 sensor added, 1 changed, 0 unchanged.\n' });
    // What the file does not say of Sensor 1 is as it was.
    const sensor =
      "SELECT max_value, max_step_per_s, max_stuck::text FROM silver.sensor WHERE sensor_id = 'Sensor 1'";
    expect(await pipeline.database.query(sensor)).toEqual([
      { max_value: 50, max_step_per_s: 1, max_stuck: '00:05:00' },
    ]);

    const exported = join(pipeline.folder, 'exported.csv');
    expect(await sluice(['sensors', 'export', exported], none(pipeline))).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    const csv = readFileSync(exported, 'utf8');
    expect(csv.split('\n').slice(0, 3)).toEqual([
      `${HEADER},expected_interval,max_step_per_s,max_stuck,attributes,name`,
      'Current,current,A,Cabinet 1,0,100,,,,,',
      'New,flow,l/s,,,,,,,,',
    ]);
    expect((await sluice(['sensors', 'export', '-'], none(pipeline))).stdout).toBe(csv);
    const again = await sluice(['sensors', 'import', exported, '--prune'], none(pipeline));
    expect(again.stdout).toBe('0 sensors added, 0 changed, 8 unchanged, 0 removed.\n');
    const pruned = await sluice(['sensors', 'import', file, '--prune'], none(pipeline));
    expect(pruned.stdout).toBe('0 sensors added, 0 changed, 2 unchanged, 6 removed.\n');
  });
});

test('import says what does not follow by itself', async () => {
  await withPipeline(async pipeline => {
    const file = join(pipeline.folder, 'mine.csv');
    writeFileSync(file, `${HEADER}\nSensor 1,temperature,°C,Hall 1,0,20\n`);
    await pipeline.database.query("INSERT INTO silver.seen_sensor (sensor_id) VALUES ('Sensor 1')");
    const { stdout } = await pipeline.sluice(['sensors', 'import', file]);
    expect(stdout).toMatch(
      /^Stored readings of 1 sensor keep their quality until `sluice replay --reclassify`\.$/m,
    );
    expect(stdout).toMatch(
      /^What .*db\/sensors\.csv says of a sensor overrules this .* unless SENSORS_FILE is none\.$/m,
    );
    // The file that the collector takes anyway.
    const own = await pipeline.sluice(['sensors', 'import', SENSORS_FILE]);
    expect(own.stdout).toMatch(
      /^0 sensors added, 1 changed, 6 unchanged\.\nStored readings of 1 sensor [^\n]+\n$/,
    );
  });
});

test('import of a file with mistakes ends with 2, names them all by line, and changes nothing', async () => {
  await withPipeline(async pipeline => {
    const file = join(pipeline.folder, 'mine.csv');
    writeFileSync(file, `${HEADER}\nNew,flow,l/s,,,\nA,t,C,,hot,1\nB,t,C,,2,1\n`);
    const before = await pipeline.dump();
    const { code, stdout, stderr } = await pipeline.sluice(['sensors', 'import', '--prune', file]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/mine\.csv cannot be used:\n {2}line 3: min_value .*\n {2}line 4: min_value /);
    expect(await pipeline.dump()).toEqual(before);
    expect(await pipeline.sluice(['sensors', 'import', 'nowhere.csv'])).toMatchObject({ code: 2 });
    expect(await pipeline.sluice(['sensors', 'import'])).toMatchObject({ code: 2 });
  });
});

test('import reads standard input', async () => {
  await withPipeline(async pipeline => {
    const run = async (input: string) => {
      const script = join(import.meta.dirname, '../../../sluice.js');
      const child = spawn(process.execPath, [script, 'sensors', 'import', '-'], {
        cwd: pipeline.folder,
        env: { PATH: process.env.PATH, ...none(pipeline) },
      });
      const closed = once(child, 'close');
      child.stdin.end(input);
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
      return { code: (await closed)[0], stdout, stderr };
    };
    expect(await run(`${HEADER}\nNew,flow,l/s,,,\n`)).toEqual({
      code: 0,
      stderr: '',
      stdout: '1 sensor added, 0 changed, 0 unchanged.\n',
    });
    expect(await run('sensor_id\n')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/from standard input/),
    });
  });
});

test('a collector without a registry file leaves the registry alone, and knows an import with the next batch', async () => {
  await withSurroundings(
    databaseServers()[0]!,
    startEmbedded,
    async ({ broker, database, dataDir, config }) => {
      await using running = await startCollector({ ...config, SENSORS_FILE: null });
      await receiving(running.http);
      const send = async (second: number) => {
        const dt = new Date(Date.UTC(2025, 10, 12, 10, 15, second)).toISOString();
        await publish(broker.url, [payloadOf('Sensor 1', dt, 20)]);
        const last = 'SELECT quality FROM silver.sensor_reading ORDER BY time DESC';
        return eventually(async () => {
          const rows = await database.query(last);
          expect(rows).toHaveLength(second);
          return rows[0].quality;
        });
      };
      expect(await send(1)).toBe('unknown_sensor');
      expect(await database.query('TABLE silver.sensor')).toEqual([]);
      const env = { DATABASE_URL: database.url, DATA_DIR: dataDir, SENSORS_FILE: 'none' };
      expect(await sluice(['sensors', 'import', SENSORS_FILE], env)).toMatchObject({ code: 0 });
      expect(await send(2)).toBe('valid');
    },
  );
});
