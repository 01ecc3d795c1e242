/*
 * The smoke run: what a stranger does with the README's first command, and whether everything he then finds is right.
 *
 *   npm run smoke
 *
 * `npm start` runs twice on the same data, on free ports and in a temporary folder, and is stopped each time. After each
 * stop the database is compared with the raw files. Waits are for facts, each with a deadline.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../harness/eventually.ts';
import { freePort } from '../harness/server.ts';
import { compareWithDatabase, readRawFiles } from './comparison.ts';
import { TerminalProgram } from './program.ts';

const SENSORS = 5;
const LINES_EACH = 5;

function step(text: string): void {
  process.stdout.write(`--- ${text}\n`);
}

/** Waits until every sensor has so many lines in its raw files. */
async function untilRecorded(dataDir: string, lines: number, program: TerminalProgram): Promise<void> {
  await until(`${SENSORS} raw files with ${lines} lines each`, async () => {
    await program.assertRuns();
    const counts = [...(await readRawFiles(dataDir)).values()].map(text => text.split('\n').length - 1);
    return counts.filter(count => count >= lines).length >= SENSORS;
  });
}

async function wrongSettings(env: NodeJS.ProcessEnv): Promise<void> {
  step('wrong settings are told all at once, and nothing is begun');
  const program = await TerminalProgram.run(['node', 'sluice.js', 'up'], {
    ...env,
    BATCH_ROWS: '0',
    MQTT_QOS: '7',
  });
  assert.equal(await program.exitStatus(), 2);
  assert.match(program.output, /BATCH_ROWS must be/);
  assert.match(program.output, /MQTT_QOS must be/);
  assert.equal(existsSync(env.DATA_DIR!), false, 'the data folder was made');
}

/** With a data folder of its own, each of the ports that a running pipeline has. */
async function takenPorts(env: NodeJS.ProcessEnv, dataDir: string): Promise<void> {
  for (const setting of ['EMBEDDED_POSTGRES_PORT', 'EMBEDDED_MQTT_PORT', 'HTTP_PORT']) {
    step(`a taken port is told by its setting: ${setting}`);
    const free = {
      EMBEDDED_POSTGRES_PORT: `${await freePort()}`,
      EMBEDDED_MQTT_PORT: `${await freePort()}`,
      HTTP_PORT: `${await freePort()}`,
    };
    const program = await TerminalProgram.run(['node', 'sluice.js', 'up'], {
      ...env,
      DATA_DIR: dataDir,
      ...free,
      [setting]: env[setting],
    });
    assert.equal(await program.exitStatus(), 1, program.output);
    assert.match(program.output, new RegExp(`${env[setting]}.*[sS]et ${setting} to a free one`));
    assert.doesNotMatch(program.output, /^ +at .*:\d+:\d+/m, 'a stack trace is nothing for the user');
    await program.assertGone();
  }
}

async function secondCollector(env: NodeJS.ProcessEnv): Promise<void> {
  step('a second collector on the same data folder is refused');
  const program = await TerminalProgram.run(['node', 'sluice.js', 'up'], env);
  assert.equal(await program.exitStatus(), 1, program.output);
  assert.match(program.output, /in use by process \d+/);
}

async function stopAndCompare(program: TerminalProgram, how: 'Ctrl-C' | 'kill', env: NodeJS.ProcessEnv) {
  step(`${how === 'Ctrl-C' ? 'Ctrl-C' : 'SIGINT to npm alone'} ends it with status 0 and leaves no process`);
  program.interrupt(how);
  assert.equal(await program.exitStatus(), 0, program.output);
  await program.assertGone();
  assert.equal(existsSync(join(env.DATA_DIR!, 'collector.lock')), false, 'the lock is still there');
  step('what the raw files say is in silver, and gold is the mean of it');
  const { lines, minutes } = await compareWithDatabase(env.DATA_DIR!, await freePort());
  process.stdout.write(`    ${lines} readings, ${minutes} one-minute means\n`);
}

async function smoke(folder: string): Promise<void> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    DATA_DIR: join(folder, 'data'),
    EMBEDDED_MQTT_PORT: `${await freePort()}`,
    EMBEDDED_POSTGRES_PORT: `${await freePort()}`,
    HTTP_PORT: `${await freePort()}`,
  };
  await wrongSettings(env);

  step(`npm start: ${SENSORS} raw files fill`);
  await using first = await TerminalProgram.run(['npm', 'start'], env);
  await untilRecorded(env.DATA_DIR!, LINES_EACH, first);
  const { status } = await fetch(`http://127.0.0.1:${env.HTTP_PORT}/ready`);
  assert.equal(status, 200);
  await takenPorts(env, join(folder, 'other'));
  await secondCollector(env);
  await stopAndCompare(first, 'Ctrl-C', env);

  step('a second npm start goes on with the same data');
  const before = await readRawFiles(env.DATA_DIR!);
  const most = Math.max(...[...before.values()].map(text => text.split('\n').length - 1));
  await using second = await TerminalProgram.run(['npm', 'start'], env);
  await untilRecorded(env.DATA_DIR!, most + LINES_EACH, second);
  await stopAndCompare(second, 'kill', env);
  const after = await readRawFiles(env.DATA_DIR!);
  for (const [file, text] of before)
    assert(after.get(file)?.startsWith(text), `${file} was not only appended to`);
}

const folder = await mkdtemp(join(tmpdir(), 'sluice-smoke-'));
try {
  await smoke(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
step('smoke run passed');
