import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { freePort } from '../../harness/server.ts';
import { sluice } from '../verify/pipeline.ts';

const SLUICE = join(import.meta.dirname, '../../../sluice.js');
const MANY = 300_000;
const ODD = 'a,"b"\u2067שלום\u2069 🌡';
let database: TestDatabase;
let env: Record<string, string>;

beforeAll(async () => {
  database = await newDatabase();
  env = { DATABASE_URL: database.url };
  await database.query(
    `INSERT INTO silver.sensor (sensor_id, quantity, unit) VALUES
       ('Sensor 1', 'temperature', '°C'), ('Sensor 2', 'temperature', '°C'), ('silent', 'temperature', '°C')`,
  );
  await database.query(
    `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality, late, stuck, jump)
     SELECT TIMESTAMPTZ '2025-11-12T00:00:00Z' + n * INTERVAL '1 second', 'Sensor 1', n, 'valid', false, n = 1, false
     FROM generate_series(0, $1 - 1) n`,
    [MANY],
  );
  await database.query(
    `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality, jump) VALUES
       ('2025-11-12T10:00:00.25Z', $1, -1.5, 'unknown_sensor', true)`,
    [ODD],
  );
  await database.query(`INSERT INTO silver.seen_sensor (sensor_id) VALUES ('Sensor 1'), ($1)`, [ODD]);
});
afterAll(() => database?.drop());

function readings(sensor: string, from: string, to: string, ...more: string[]) {
  return sluice(['readings', '--sensor', sensor, '--from', from, '--to', to, ...more], env);
}

/** How many statements of `sluice readings` the server works on. */
async function running(): Promise<number> {
  const [row] = await database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'sluice readings' AND state = 'active'`,
  );
  return row!.n;
}

test('NDJSON: a line a reading, with the unit of the registry', async () => {
  const { code, stdout, stderr } = await readings('Sensor 1', '2025-11-12', '2025-11-12T00:00:02Z');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const reading = {
    sensor_id: 'Sensor 1',
    unit: '°C',
    quality: 'valid',
    late: false,
    jump: false,
    inexact: false,
  };
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line)),
  ).toEqual([
    { ...reading, time: '2025-11-12T00:00:00Z', value: 0, stuck: false },
    { ...reading, time: '2025-11-12T00:00:01Z', value: 1, stuck: true },
  ]);
});

test('CSV comes back as it was, whatever the id is made of', async () => {
  const { code, stdout } = await readings(ODD, '2025-11-12', '2025-11-12', '--format', 'csv');
  expect(code).toBe(0);
  expect(parse(stdout, { columns: true })).toEqual([
    {
      time: '2025-11-12T10:00:00.250000Z',
      sensor_id: ODD,
      value: '-1.5',
      unit: '',
      quality: 'unknown_sensor',
      late: 'false',
      stuck: 'false',
      jump: 'true',
      inexact: 'false',
    },
  ]);
  const { stdout: empty } = await readings(ODD, '2025-11-13', '2025-11-13', '--format', 'csv');
  expect(empty).toBe('time,sensor_id,value,unit,quality,late,stuck,jump,inexact\n');
});

test('a table says how many readings it has', async () => {
  const { stdout } = await readings('Sensor 1', '2025-11-12', '2025-11-12T00:00:02Z', '--format', 'table');
  expect(stdout).toBe(
    [
      'time                  sensor_id  value  unit  quality  late  stuck  jump  inexact',
      '--------------------  ---------  -----  ----  -------  ----  -----  ----  -------',
      '2025-11-12T00:00:00Z  Sensor 1       0  °C    valid',
      '2025-11-12T00:00:01Z  Sensor 1       1  °C    valid          yes',
      '(2 readings)\n',
    ].join('\n'),
  );
  const { stdout: empty } = await readings('silent', '2025-11-12', '2025-11-12', '--format', 'table');
  expect(empty).toMatch(/^time .*\n[- ]+\n\(0 readings\)\n$/);
});

test('days are those of SENSOR_TIMEZONE, and the last one counts', async () => {
  env = { ...env, SENSOR_TIMEZONE: 'Asia/Tokyo' };
  const { stdout } = await readings('Sensor 1', '2025-11-13', '2025-11-13');
  env = { DATABASE_URL: database.url };
  const times = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line).time);
  expect(times).toHaveLength(86_400);
  expect([times[0], times.at(-1)]).toEqual(['2025-11-12T15:00:00Z', '2025-11-13T14:59:59Z']);
});

test('pages: the first by default, 1000 by default, and empty beyond the last', async () => {
  const values = async (...page: string[]) => {
    const { code, stdout, stderr } = await readings('Sensor 1', '2025-11-12', '2025-11-12T01:00Z', ...page);
    expect(code).toBe(0);
    const found = stdout
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line).value);
    return { from: found[0], to: found.at(-1), n: found.length, stderr };
  };
  expect(await values('--page-size', '7')).toEqual({ from: 0, to: 6, n: 7, stderr: '' });
  expect(await values('--page-size', '7', '--page-number', '3')).toEqual({
    from: 14,
    to: 20,
    n: 7,
    stderr: '',
  });
  expect(await values('--page-number', '4')).toEqual({ from: 3000, to: 3599, n: 600, stderr: '' });
  expect(await values('--page-number', '5')).toMatchObject({
    n: 0,
    stderr: 'The readings of "Sensor 1" end before page 5.\n',
  });
  expect(await values('--page-number', '999999999', '--page-size', '999999999')).toMatchObject({ n: 0 });
});

test.each([
  { format: 'ndjson', more: 0 },
  { format: 'csv', more: 1 },
  { format: 'table', more: 3 },
])('300,000 readings pass as $format through a heap that could not hold them', async ({ format, more }) => {
  // All of them at once need some 100 MB.
  const args = ['readings', '--sensor', 'Sensor 1', '--from', '2025-11-12', '--to', '2026-11-12'];
  const { code, stdout, stderr } = await sluice([...args, '--format', format], env, [
    '--max-old-space-size=40',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n')).toHaveLength(MANY + more + 1);
});

test('a reader that pauses holds up the query, and gets everything when it goes on', async () => {
  const args = ['readings', '--sensor', 'Sensor 1', '--from', '2025-11-12', '--to', '2026-11-12'];
  const child = spawn(process.execPath, [SLUICE, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let lines = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 0x0a) lines++;
  });
  await once(child.stdout, 'data');
  child.stdout.pause();
  const before = lines;
  await eventually(async () => expect(await running()).toBe(1));
  // Round trips of another connection: enough for everything, if nothing held it up.
  for (let i = 0; i < 500; i++) await running();
  expect(await running()).toBe(1);
  expect(lines).toBeLessThan(before + 20_000);
  child.stdout.resume();
  expect((await closed)[0]).toBe(0);
  expect(lines).toBe(MANY);
});

test.each(['ndjson', 'csv', 'table'])(
  '%s | head -2 ends quietly, with 0, and the query ends',
  async format => {
    const command = `"$0" "$1" readings --sensor 'Sensor 1' --from 2025-11-12 --to 2026-11-12 --format ${format} | head -2
    echo "status \${PIPESTATUS[0]}"`;
    const child = spawn('bash', ['-c', command, process.execPath, SLUICE], {
      cwd: tmpdir(),
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr] = await Promise.all([child.stdout, child.stderr].map(stream => text(stream)));
    expect(stderr).toBe('');
    const lines = stdout!.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[2]).toBe('status 0');
    await eventually(async () => expect(await running()).toBe(0));
  },
);

test('no readings are no error, and standard error says why there are none', async () => {
  expect(await readings('silent', '2025-11-12', '2025-11-12')).toEqual({
    code: 0,
    stdout: '',
    stderr: '"silent" is registered, but has no readings.\n',
  });
  expect(await readings('Sensor 1', '2024-01-01', '2024-12-31')).toEqual({
    code: 0,
    stdout: '',
    stderr:
      'No readings of "Sensor 1" in that time; there are some from 2025-11-12T00:00:00Z to 2025-11-15T11:19:59Z.\n',
  });
});

test('an unknown sensor ends with 2 and the names that may have been meant', async () => {
  const { code, stdout, stderr } = await readings('sensor1', '2025-11-12', '2025-11-12');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe('sluice: There is no sensor "sensor1"; did you mean "Sensor 1" or "Sensor 2"?\n');
  const far = await readings('something else', '2025-11-12', '2025-11-12');
  expect(far).toMatchObject({ code: 2, stderr: 'sluice: There is no sensor "something else".\n' });
});

test.each([
  { what: 'times', more: ['--from', 'monday', '--to', '2025-11-12'], says: /--from must be a date such as/ },
  {
    what: 'an order',
    more: ['--from', '2025-11-13', '--to', '2025-11-12'],
    says: /is after --to 2025-11-12/,
  },
  { what: 'both ends', more: ['--from', '2025-11-13'], says: /--to must be given/ },
  {
    what: 'pages',
    more: ['--from', '2025-11-12', '--to', '2025-11-12', '--page-number', '0'],
    says: /whole number/,
  },
  {
    what: 'formats',
    more: ['--from', '2025-11-12', '--to', '2025-11-12', '--format', 'xml'],
    says: /ndjson, csv, table/,
  },
  {
    what: 'two formats',
    more: ['--from', '2025-11-12', '--to', '2025-11-12', '--json', '--format', 'csv'],
    says: /--json is --format ndjson/,
  },
])('$what that cannot be used end with 2, before anything is asked', async ({ more, says }) => {
  const nobody = { DATABASE_URL: `postgresql://127.0.0.1:${await freePort()}/sluice` };
  const { code, stdout, stderr } = await sluice(['readings', '--sensor', 'Sensor 1', ...more], nobody);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(says);
});

test('--help says what the ends of the time mean', async () => {
  const { stdout } = await sluice(['readings', '--help'], {});
  const text = stdout.replaceAll(/\s+/g, ' ');
  expect(text).toContain(
    '--from <time> readings from here on: a date, or ISO 8601; without an offset in SENSOR_TIMEZONE',
  );
  expect(text).toContain('--to <time> readings before this time, or until the end of this date');
});
