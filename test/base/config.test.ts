import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig, SettingsError } from '../../base/config.ts';
import { settings } from '../../base/settings.ts';
import { temporaryFolder } from '../harness/server.ts';

function problemsOf(env: Record<string, string>): string[] {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    for (const problem of (error as SettingsError).problems) {
      expect((error as SettingsError).message).toContain(problem);
    }
    return (error as SettingsError).problems;
  }
  return [];
}

test('an empty environment gives the defaults', () => {
  expect(readConfig({})).toMatchObject({
    MQTT_URL: 'mqtt://127.0.0.1:1883',
    MQTT_CLIENT_ID: 'sluice',
    MQTT_TOPICS: ['sensors/#'],
    MQTT_QOS: 1,
    DATABASE_URL: 'postgresql://sluice:sluice@127.0.0.1:5433/sluice',
    DATA_DIR: resolve('data'),
    SENSOR_TIMEZONE: 'UTC',
    SENSORS_FILE: resolve('db/sensors.csv'),
    BATCH_ROWS: 5000,
    BATCH_MS: 1000,
    LOG_LEVEL: 'info',
    LOG_FORMAT: 'auto',
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: 8080,
    GENERATOR_INTERVAL_MS: 1000,
    GENERATOR_SEED: 1,
    GENERATOR_FAULTS: false,
    EMBEDDED_MQTT_PORT: 1883,
    EMBEDDED_POSTGRES_PORT: 5433,
    embedded: { broker: true, postgres: true },
  });
});

test('an empty value counts as absent, for each setting', () => {
  for (const name of Object.keys(settings)) {
    for (const empty of ['', '  ']) expect(readConfig({ [name]: empty })).toEqual(readConfig({}));
    expect(readConfig({ [`${name}_FILE`]: '' })).toEqual(readConfig({}));
  }
});

test('what the environment says is taken', () => {
  const config = readConfig({
    MQTT_URL: 'mqtts://broker.example:8883',
    DATABASE_URL: 'postgres://someone@db.example/sluice',
    MQTT_TOPICS: 'sensors/#, site/+/temperature',
    MQTT_QOS: '0',
    GENERATOR_FAULTS: 'on',
    BATCH_ROWS: ' 7 ',
    SENSOR_TIMEZONE: 'Europe/Berlin',
  });
  expect(config).toMatchObject({
    MQTT_URL: 'mqtts://broker.example:8883',
    DATABASE_URL: 'postgres://someone@db.example/sluice',
    MQTT_TOPICS: ['sensors/#', 'site/+/temperature'],
    MQTT_QOS: 0,
    GENERATOR_FAULTS: true,
    BATCH_ROWS: 7,
    SENSOR_TIMEZONE: 'Europe/Berlin',
    embedded: { broker: false, postgres: false },
  });
});

test('the ports of the embedded servers are in their addresses', () => {
  expect(readConfig({ EMBEDDED_MQTT_PORT: '2883', EMBEDDED_POSTGRES_PORT: '6433' })).toMatchObject({
    MQTT_URL: 'mqtt://127.0.0.1:2883',
    DATABASE_URL: 'postgresql://sluice:sluice@127.0.0.1:6433/sluice',
  });
});

test('all mistakes are told at once, each with the name and what it must be', () => {
  const problems = problemsOf({
    MQTT_URL: 'broker',
    MQTT_CLIENT_ID: 'two words',
    MQTT_TOPICS: 'sensors/#/temperature',
    MQTT_QOS: '2',
    DATABASE_URL: 'mysql://db/sluice',
    SENSOR_TIMEZONE: 'Mars/Olympus',
    BATCH_ROWS: '0',
    BATCH_MS: '1.5',
    LOG_LEVEL: 'loud',
    HTTP_PORT: '65536',
    GENERATOR_FAULTS: 'true',
  });
  expect(problems).toHaveLength(11);
  expect(problems).toContain('BATCH_ROWS must be a whole number from 1 to 1000000, not "0"');
  expect(problems).toContain('MQTT_QOS must be one of 0, 1, not "2"');
  expect(problems).toContain(
    'DATABASE_URL must be a URL that begins with postgres:// or postgresql://, with a host, and a port up to 65535 if any',
  );
});

test.each(['sensors/#', '#', '+', '+/+/#', '/sensors', '$SYS/#', 'a b/ü'])('%s is a topic filter', topic => {
  expect(problemsOf({ MQTT_TOPICS: topic })).toEqual([]);
});

test.each(['#/a', 'a#', 'a/b+', '+a', 'a,,b', ','])('%s is no topic filter', topic => {
  expect(problemsOf({ MQTT_TOPICS: topic })).toHaveLength(1);
});

test('a secret is read from the file that _FILE names, without its line end', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'password');
  await writeFile(file, 'swordfish\n');
  expect(readConfig({ MQTT_PASSWORD_FILE: file }).MQTT_PASSWORD).toBe('swordfish');
  expect(problemsOf({ MQTT_PASSWORD_FILE: file, MQTT_PASSWORD: 'other' })).toEqual([
    'MQTT_PASSWORD and MQTT_PASSWORD_FILE are both set; keep one of them',
  ]);
  expect(problemsOf({ MQTT_PASSWORD_FILE: join(folder.path, 'none') })).toEqual([
    expect.stringMatching(/^MQTT_PASSWORD_FILE must name a readable file: ENOENT/),
  ]);
});

test('spaces at the ends of a password belong to it', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'password');
  await writeFile(file, ' swordfish \n');
  expect(readConfig({ MQTT_PASSWORD_FILE: file }).MQTT_PASSWORD).toBe(' swordfish ');
});

test('only secrets can be read from a file', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'rows');
  await writeFile(file, '7');
  expect(readConfig({ BATCH_ROWS_FILE: file }).BATCH_ROWS).toBe(5000);
});

test('no message repeats a secret', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'secret');
  await writeFile(file, 'swordfish');
  const secrets = Object.entries(settings).filter(([, setting]) => 'secret' in setting);
  expect(secrets.map(([name]) => name)).toContain('DATABASE_URL');
  for (const [name] of secrets) {
    const told = [
      ...problemsOf({ [name]: 'swordfish', BATCH_ROWS: '0' }),
      ...problemsOf({ [`${name}_FILE`]: file, BATCH_ROWS: '0' }),
      ...problemsOf({ [name]: 'swordfish', [`${name}_FILE`]: file }),
    ];
    expect(told.length).toBeGreaterThan(2);
    expect(told.join()).not.toContain('swordfish');
  }
});

test('every setting has a meaning, and a default that is right', () => {
  for (const [name, setting] of Object.entries(settings)) {
    expect(name).toMatch(/^[A-Z0-9_]+$/);
    expect(setting.meaning, name).toMatch(/^\S.{10,}\.$/);
    if (setting.default !== undefined)
      expect(setting.schema.safeParse(setting.default).success, name).toBe(true);
  }
});

test('what is compressed must be kept for at least as long', () => {
  expect(
    problemsOf({ RAW_RETENTION_DAYS: '6', SILVER_RETENTION_DAYS: '3', SILVER_COMPRESS_AFTER_DAYS: '4' }),
  ).toEqual([
    'RAW_RETENTION_DAYS must be 0 or at least RAW_COMPRESS_AFTER_DAYS, which is 7 (0 is never), not "6"',
    'SILVER_RETENTION_DAYS must be 0 or at least SILVER_COMPRESS_AFTER_DAYS, which is 4 (0 is never), not "3"',
  ]);
  expect(
    problemsOf({ RAW_RETENTION_DAYS: '1', RAW_COMPRESS_AFTER_DAYS: '0', SILVER_RETENTION_DAYS: '7' }),
  ).toEqual([]);
  for (const cron of ['daily', '99 99 * * *', '17 3 31 2 *', '17 3 * *', '17 3 * * * * *', '17 3 * * mon;']) {
    expect(problemsOf({ NIGHTLY_CRON: cron })).toEqual([
      `NIGHTLY_CRON must be a cron expression of 5 or 6 fields, such as 17 3 * * *, not "${cron}"`,
    ]);
  }
});

test('shared subscriptions are refused, with the reason, unless they are allowed', () => {
  const env = { MQTT_TOPICS: 'a/#,$share/g/b/#' };
  expect(() => readConfig(env)).toThrow(/\$share\/g\/b\/# unless MQTT_SHARE is allow/);
  expect(readConfig({ ...env, MQTT_SHARE: 'allow' }).MQTT_TOPICS).toEqual(['a/#', '$share/g/b/#']);
});

test('a lake needs an archive', () => {
  expect(problemsOf({ LAKE: 'on' })).toEqual([expect.stringContaining('LAKE=on needs ARCHIVE_URL')]);
  expect(readConfig({ LAKE: 'on', ARCHIVE_URL: 's3://bucket/a' })).toMatchObject({ LAKE: 'on' });
});
