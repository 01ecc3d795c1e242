import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../../harness/eventually.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { SENSORS_FILE } from '../verify/pipeline.ts';

const SLUICE = join(import.meta.dirname, '../../../sluice.js');

/** Settings of a collector that reaches nobody. */
const settings = (folder: string) => ({
  PATH: process.env.PATH,
  DATA_DIR: join(folder, 'data'),
  MQTT_URL: 'mqtt://127.0.0.1:1',
  DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
  HTTP_PORT: '0',
});

test('SIGHUP reloads, also what .env says, and says what has changed; SIGTERM stops', async () => {
  await using folder = await temporaryFolder();
  const sensors = join(folder.path, 'sensors.csv');
  writeFileSync(sensors, readFileSync(SENSORS_FILE));
  const env = join(folder.path, '.env');
  writeFileSync(env, 'LOG_LEVEL=info\n');
  const child = spawn(process.execPath, [SLUICE, 'collect'], {
    cwd: folder.path,
    env: { ...settings(folder.path), SENSORS_FILE: sensors },
    stdio: ['ignore', 'pipe', 'inherit'],
    // Of a terminal that this test may have it is to know nothing.
    detached: true,
  });
  let log = '';
  child.stdout.setEncoding('utf8').on('data', text => {
    log += text;
  });
  const ended = once(child, 'exit');
  try {
    const says = (text: string | RegExp) => eventually(() => expect(log).toMatch(text));
    await says('"msg":"collecting"');
    child.kill('SIGHUP');
    await says('"msg":"reloaded: nothing has changed"');

    writeFileSync(sensors, 'sensor_id,quantity,unit,min_value,max_value\nNew,flow,l/s,2,1\n');
    writeFileSync(env, 'LOG_LEVEL=warm\n');
    child.kill('SIGHUP');
    await says(
      /"problems":\["sensors: line 2: min_value [^"]*","settings: LOG_LEVEL must be [^\]]*\],"msg":"nothing was reloaded/,
    );

    writeFileSync(
      sensors,
      'sensor_id,quantity,unit,min_value,max_value\nSensor 1,flow,l/s,1,2\nNew,flow,l/s,1,2\n',
    );
    writeFileSync(env, 'LOG_LEVEL=debug\nBATCH_ROWS=7\n');
    child.kill('SIGHUP');
    await says(
      /"sensors":\{"added":\["New"\],"removed":\["Sensor 2"[^}]*"changed":\["Sensor 1"\]\},"settings":\{"LOG_LEVEL":"info → debug","waiting_for_a_start":\["BATCH_ROWS"\]\},"msg":"reloaded"/,
    );
  } finally {
    child.kill('SIGTERM');
  }
  expect(await ended).toEqual([0, null]);
});

test.runIf(process.platform === 'linux')(
  'a terminal that closes stops it, although SIGHUP reloads',
  async () => {
    await using folder = await temporaryFolder();
    const log = join(folder.path, 'log');
    const command = `${process.execPath} ${SLUICE} collect > ${log}`;
    const terminal = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...settings(folder.path), SENSORS_FILE },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const said = () => readFileSync(log, 'utf8');
    await eventually(() => expect(said()).toContain('"msg":"collecting"'));
    terminal.kill('SIGKILL');
    await once(terminal, 'exit');
    await eventually(() => expect(said()).toContain('"signal":"SIGHUP","msg":"stopping"'));
  },
);
