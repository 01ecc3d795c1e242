import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { freePort, temporaryFolder } from '../harness/server.ts';
import { reading, SENSORS_FILE, sluice, withPipeline } from './verify/pipeline.ts';

const SLUICE = join(import.meta.dirname, '../../sluice.js');
const NODE = process.execPath;

/** A shell whose last line is the exit status of `command`, of which nobody reads the output. */
async function unread(command: string, env: Record<string, string>): Promise<string> {
  const script = `set -o pipefail; ${command} | true; echo "status \${PIPESTATUS[0]}"`;
  const child = spawn('bash', ['--norc', '-c', script], { env: { PATH: process.env.PATH, ...env } });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(stderr).toBe('');
  return stdout;
}

test('a command whose output nobody reads ends quietly, with its own exit status', async () => {
  await withPipeline(async pipeline => {
    pipeline.record(reading('Sensor 1', '2025-11-12T00:00:00Z', 1));
    await pipeline.load();
    const run = (args: string) => unread(`${NODE} ${SLUICE} ${args}`, pipeline.env);
    expect(await run('verify')).toBe('status 0\n');
    expect(await run('sensors export -')).toBe('status 0\n');
    expect(await run('query sensors-by-location')).toBe('status 0\n');
    expect(await run('migrate')).toBe('status 0\n');
    await pipeline.database.query('DELETE FROM silver.sensor_reading');
    expect(await run('verify --json')).toBe('status 1\n');
  });
});

/** Processes with a word in their command line. */
function processesWith(word: string): string[] {
  return readdirSync('/proc').filter(pid => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word);
    } catch {
      return false;
    }
  });
}

/** Settings of an `up` of its own, with a data folder. */
async function settings(dataDir: string): Promise<Record<string, string>> {
  return {
    DATA_DIR: dataDir,
    SENSORS_FILE,
    HTTP_PORT: '0',
    EMBEDDED_MQTT_PORT: `${await freePort()}`,
    EMBEDDED_POSTGRES_PORT: `${await freePort()}`,
  };
}

const isLinux = process.platform === 'linux';

test.runIf(isLinux)(
  'sluice up stops as by Ctrl-C when its terminal is closed, and leaves no process',
  async () => {
    await using folder = await temporaryFolder();
    const dataDir = join(folder.path, 'data');
    const env = { PATH: process.env.PATH, ...(await settings(dataDir)) };
    // A terminal: it is gone, and SIGHUP is sent, when the process that has it is killed.
    const terminal = spawn('script', ['-qec', `${NODE} ${SLUICE} up`, '/dev/null'], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let shown = '';
    terminal.stdout.on('data', chunk => {
      shown += chunk;
    });
    await eventually(async () => expect(shown).toContain('Sluice is running'), 60_000);
    terminal.kill('SIGKILL');
    await once(terminal, 'exit');
    await eventually(async () => expect(processesWith(dataDir)).toEqual([]), 60_000);
    await eventually(async () => expect(existsSync(join(dataDir, 'collector.lock'))).toBe(false), 60_000);
  },
);

test.runIf(isLinux)('sluice up stops when nobody reads its output, with status 0', async () => {
  await using folder = await temporaryFolder();
  const dataDir = join(folder.path, 'data');
  const child = spawn(
    'bash',
    ['--norc', '-c', `${NODE} ${SLUICE} up | grep -m 1 running; echo "status \${PIPESTATUS[0]}"`],
    { env: { PATH: process.env.PATH, ...(await settings(dataDir)) } },
  );
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^Sluice is running: .*\nstatus 0\n$/);
  expect(processesWith(dataDir)).toEqual([]);
  expect(existsSync(join(dataDir, 'collector.lock'))).toBe(false);
});

test('sluice up names all ports that are taken before it makes anything', async () => {
  await using folder = await temporaryFolder();
  const dataDir = join(folder.path, 'data');
  const env = await settings(dataDir);
  await using held = new AsyncDisposableStack();
  for (const setting of ['EMBEDDED_MQTT_PORT', 'EMBEDDED_POSTGRES_PORT']) {
    const server = createServer().listen(Number(env[setting]), '127.0.0.1');
    await once(server, 'listening');
    held.defer(() => void server.close());
  }
  const { code, stdout, stderr } = await sluice(['up'], env);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /^sluice: 2 ports cannot be had:\n {2}MQTT: port \d+ .*EMBEDDED_MQTT_PORT.*\n {2}PostgreSQL: port \d+ .*EMBEDDED_POSTGRES_PORT.*\n$/,
  );
  expect(existsSync(join(dataDir, 'postgres'))).toBe(false);
});
