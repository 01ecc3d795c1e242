import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reading, SENSORS_FILE, sluice, withPipeline } from './commands/verify/pipeline.ts';
import { withDatabase } from './harness/database.ts';
import { freePort, temporaryFolder } from './harness/server.ts';

/** One sentence for people: no stack, and no error but the one. */
const sentence = /^sluice: [^\n]+\n$/;

test('--help names every command, and every command says what it does', async () => {
  const help = await sluice(['--help'], {});
  expect(help).toMatchObject({ code: 0, stderr: '' });
  for (const command of [
    'up',
    'collect',
    'generate',
    'migrate',
    'verify',
    'replay',
    'sensors',
    'query',
    'readings',
    'report',
  ]) {
    expect(help.stdout).toMatch(new RegExp(`^ {2}${command} .*[a-z]{3}`, 'm'));
  }
  const verify = await sluice(['verify', '--help'], {});
  expect(verify).toMatchObject({ code: 0, stderr: '' });
  for (const option of ['--date', '--sensor', '--json']) expect(verify.stdout).toContain(option);
});

test.each([
  { args: ['frobnicate'], says: /unknown command 'frobnicate'/ },
  { args: ['verfy'], says: /unknown command 'verfy'; did you mean verify\?/ },
  { args: ['sensors', 'exprt', '-'], says: /did you mean export\? `sluice sensors --help`/ },
  { args: [], says: /^sluice: A command is missing\./ },
  { args: ['sensors'], says: /^sluice: A command is missing\. `sluice sensors --help`/ },
  { args: ['help', 'repla'], says: /unknown command 'repla'; did you mean "replay"\?/ },
  { args: ['verify', '--frobnicate'], says: /unknown option '--frobnicate'/ },
  { args: ['readings', '--sensr', 'x'], says: /unknown option '--sensr'; did you mean --sensor\?/ },
  { args: ['verify', 'surplus'], says: /too many arguments/ },
  { args: ['verify', '--date'], says: /argument missing/ },
])(
  'wrong usage ends with 2 and one line, which says what was meant: sluice $args',
  async ({ args, says }) => {
    const { code, stdout, stderr } = await sluice(args, {});
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(says);
    expect(stderr).toContain(`--help\` tells the usage`);
  },
);

test('--version tells the version, and that of Node', async () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));
  const said = { code: 0, stdout: `Sluice ${version}, Node ${process.versions.node}\n`, stderr: '' };
  expect(await sluice(['--version'], {})).toEqual(said);
  expect(await sluice(['-V'], {})).toEqual(said);
});

const oldNode = '/usr/bin/node';
const isOld = existsSync(oldNode) && !/^v(?:2[4-9]|[3-9]\d)/.test(execFileSync(oldNode, ['-v']).toString());

test.runIf(isOld)('on a Node that is too old it says which is wanted', async () => {
  const { status, stderr } = spawnSync(oldNode, [join(import.meta.dirname, '../sluice.js'), 'verify']);
  expect(status).toBe(2);
  expect(stderr.toString()).toMatch(
    /^sluice: this is Node \d+\.\d+\.\d+, and Sluice needs 24 or newer\. .*\n$/,
  );
});

test('wrong settings end with 2, all of them are named, and nothing is started', async () => {
  await using folder = await temporaryFolder();
  const dataDir = join(folder.path, 'data');
  const env = {
    DATA_DIR: dataDir,
    SENSORS_FILE,
    DATABASE_URL: 'mysql://root:secret@db/sluice',
    HTTP_PORT: '99999',
    MQTT_QOS: '2',
    SENSOR_TIMEZONE: 'Mars/Olympus',
  };
  const commands = [
    'up',
    'collect',
    'generate',
    'migrate',
    'verify',
    'replay',
    'report',
    'query latest',
    'sensors export -',
  ];
  for (const command of [...commands, 'readings --sensor x --from 2025-11-12 --to 2025-11-13']) {
    const { code, stdout, stderr } = await sluice(command.split(' '), env);
    expect(code, command).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^sluice: 4 settings are wrong:\n/);
    for (const name of ['DATABASE_URL', 'HTTP_PORT', 'MQTT_QOS', 'SENSOR_TIMEZONE']) {
      expect(stderr).toMatch(new RegExp(`^ {2}${name} must be `, 'm'));
    }
    expect(stderr).not.toContain('secret');
  }
  expect(existsSync(dataDir)).toBe(false);
});

test('a registry that cannot be used ends with 2, and names every mistake with its line', async () => {
  await withPipeline(async pipeline => {
    const sensors = join(pipeline.folder, 'sensors.csv');
    writeFileSync(
      sensors,
      'sensor_id,quantity,unit,location,min_value,max_value\nA,t,C,,hot,1\nB,t,C,,2,1\n',
    );
    const before = await pipeline.dump();
    const { code, stderr } = await sluice(['replay'], { ...pipeline.env, SENSORS_FILE: sensors });
    expect(code).toBe(2);
    expect(stderr).toMatch(/line 2: .*\n.*line 3: /);
    expect(await pipeline.dump()).toEqual(before);
  });
});

test('settings are read from .env in the working folder, and the environment goes before', async () => {
  await using folder = await temporaryFolder();
  writeFileSync(join(folder.path, '.env'), 'HTTP_PORT=none\nMQTT_QOS=9\n');
  const { code, stderr } = await sluice(['verify'], { MQTT_QOS: '1' }, [], folder.path);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^sluice: A setting is wrong:\n {2}HTTP_PORT must be .*"none"\n$/);
});

test('verify of a folder without a collector ends with 2, and says what to do', async () => {
  await using folder = await temporaryFolder();
  const { code, stdout, stderr } = await sluice(['verify'], { DATA_DIR: folder.path });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(sentence);
  expect(stderr).toContain(folder.path);
  expect(stderr).toContain('Set DATA_DIR');
  expect(readdirSync(folder.path)).toEqual([]);
});

test.each(['collect', 'up', 'verify', 'replay'])(
  '%s with a file for DATA_DIR ends with 2, and leaves it',
  async command => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'file');
    writeFileSync(file, 'mine');
    const { code, stdout, stderr } = await sluice([command], { DATA_DIR: file });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr).toContain(file);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  },
);

test('verify of a sensor that nobody knows ends with 2: it would prove everything', async () => {
  await withPipeline(async pipeline => {
    pipeline.record(reading('Sensor 1', '2025-11-12T10:15:01Z', 1));
    expect(await pipeline.sluice(['verify', '--sensor', 'Sensr 1'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'sluice: There is no sensor "Sensr 1"; did you mean "Sensor 1", "Sensor 2" or "Sensor 3"?\n',
    });
  });
});

test.each(['a/#/b', 'a+', '#/a'])('sniff of what is no topic filter ends with 2: %s', async filter => {
  const { code, stdout, stderr } = await sluice(['sniff', filter], {});
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/"(?:a\/#\/b|a\+|#\/a)" is not a topic filter/);
});

test.each(['yesterday', '2025-02-30', '2025-11'])(
  'verify --date %s ends with 2, before anything is asked',
  async date => {
    await using folder = await temporaryFolder();
    writeFileSync(join(folder.path, 'collector_id'), 'sluice-0\n');
    const env = { DATA_DIR: folder.path, DATABASE_URL: `postgresql://127.0.0.1:${await freePort()}/sluice` };
    const { code, stderr } = await sluice(['verify', '--date', date], env);
    expect(stderr).toMatch(/date/);
    expect(code).toBe(2);
  },
);

test('migrate makes the tables, and has nothing to do the second time', async () => {
  await withDatabase(
    async ({ url, query }) => {
      const first = await sluice(['migrate'], { DATABASE_URL: url });
      expect(first).toMatchObject({ code: 0, stderr: '' });
      expect(first.stdout).toMatch(/^Applied 0001_pipeline.*\. Plain PostgreSQL, no TimescaleDB\.\n$/);
      expect(await query('TABLE silver.sensor_reading')).toEqual([]);
      const second = await sluice(['migrate'], { DATABASE_URL: url });
      expect(second).toMatchObject({ code: 0, stderr: '' });
      expect(second.stdout).toMatch(/^The database is up to date\. /);
    },
    { migrated: false },
  );
});

test.each([
  { what: 'that does not exist', name: 'nowhere.jsonl', says: /nowhere\.jsonl/ },
  { what: 'that is no raw file', name: 'sensors.csv', says: /sensors\.csv is not a raw file: .*\.jsonl/ },
])('replay of a path $what ends with 2 and one sentence, and loads nothing', async ({ name, says }) => {
  await withPipeline(async pipeline => {
    writeFileSync(join(pipeline.folder, 'sensors.csv'), '');
    const good = join(pipeline.folder, 'good.jsonl');
    writeFileSync(good, '{"id":"Sensor 1","dt":"2025-11-12T00:00:00Z","value":1}\n');
    const { code, stdout, stderr } = await pipeline.sluice(['replay', good, join(pipeline.folder, name)]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(says);
    expect((await pipeline.dump())['bronze.raw_file']).toEqual([]);
  });
});

test('a database that refuses ends verify, replay and migrate with 1 and its address, without the password', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'raw'));
  writeFileSync(join(folder.path, 'collector_id'), 'sluice-0\n');
  const port = await freePort();
  const env = {
    DATA_DIR: folder.path,
    SENSORS_FILE,
    DATABASE_URL: `postgresql://someone:secret@127.0.0.1:${port}/sluice`,
  };
  for (const command of ['verify', 'replay', 'migrate']) {
    const { code, stdout, stderr } = await sluice([command], env);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr).toContain(`No database answers on 127.0.0.1:${port}`);
    expect(stderr).toContain('DATABASE_URL');
    expect(stderr).not.toContain('secret');
  }
});

test('a broker that is not there is named as one, with the command and the setting that change it', async () => {
  const port = await freePort();
  const { code, stderr } = await sluice(['sniff', '--for', '1s'], { EMBEDDED_MQTT_PORT: `${port}` });
  expect(code).toBe(1);
  expect(stderr).toMatch(sentence);
  expect(stderr).toMatch(
    new RegExp(`^sluice: No broker answers on 127\\.0\\.0\\.1:${port} .*\`sluice up\`.*MQTT_URL`),
  );
});
