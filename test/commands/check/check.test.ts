import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Finding } from '../../../commands/check/finding.ts';
import { EmbeddedBroker } from '../../../commands/up/broker.ts';
import { withDatabase } from '../../harness/database.ts';
import { freePort, temporaryFolder } from '../../harness/server.ts';
import { SENSORS_FILE, sluice } from '../verify/pipeline.ts';

/** What `sluice check --json` finds, and its exit status. */
async function check(env: Record<string, string>): Promise<{ code: number | null; findings: Finding[] }> {
  const { code, stdout, stderr } = await sluice(['check', '--json'], { SENSORS_FILE, ...env });
  expect(stderr).toBe('');
  return { code, findings: JSON.parse(stdout) };
}

const failed = (findings: Finding[]) =>
  findings.filter(({ result }) => result === 'failed').map(({ of }) => of);

test('with broker and database there, everything is a line that says OK', async () => {
  await using folder = await temporaryFolder();
  await using undo = new AsyncDisposableStack();
  const port = await freePort();
  const broker = new EmbeddedBroker({ port });
  await broker.start();
  undo.defer(() => broker.stop());
  await withDatabase(async ({ url }) => {
    const env = {
      DATA_DIR: join(folder.path, 'data'),
      DATABASE_URL: url,
      MQTT_URL: `mqtt://127.0.0.1:${port}`,
      HTTP_PORT: `${await freePort()}`,
    };
    const { code, findings } = await check(env);
    expect(failed(findings)).toEqual([]);
    expect(code).toBe(0);
    const files = ['settings', 'topics', 'sensors', 'tokens', 'outlets', 'alerts'];
    const names = [...files, 'broker', 'database', 'disk', 'clock', 'ports'];
    expect([...new Set(findings.map(({ of }) => of))]).toEqual(names);
    const said = findings.map(({ what }) => what).join('\n');
    for (const what of [
      /MQTT 3\.1\.1/,
      /sensors\/# with QoS 1/,
      /keeps the session/,
      /PostgreSQL \d/,
      /tables are those/,
    ]) {
      expect(said).toMatch(what);
    }
    const text = await sluice(['check'], { SENSORS_FILE, ...env });
    expect(text.stdout).toMatch(/^OK {4}settings all are valid$/m);
    // Nothing is left of it.
    expect(readdirSync(env.DATA_DIR)).toEqual([]);
  });
});

test('what does not work is named with what to do, all at once, and ends with 1', async () => {
  await using folder = await temporaryFolder();
  const [broker, database] = [await freePort(), await freePort()];
  const blocked = join(folder.path, 'file');
  writeFileSync(blocked, '');
  const { code, findings } = await check({
    DATA_DIR: join(blocked, 'data'),
    EMBEDDED_MQTT_PORT: `${broker}`,
    EMBEDDED_POSTGRES_PORT: `${database}`,
    HTTP_PORT: `${broker}`,
  });
  expect(code).toBe(1);
  expect(failed(findings)).toEqual(['broker', 'database', 'disk', 'ports']);
  const todo = findings.map(({ what, todo = '' }) => `${what} ${todo}`).join('\n');
  for (const setting of ['MQTT_URL', 'DATABASE_URL', 'DATA_DIR', 'EMBEDDED_MQTT_PORT'])
    expect(todo).toContain(setting);
});

test('wrong settings, and files that settings name, end with 2', async () => {
  await using folder = await temporaryFolder();
  const wrong = await check({ HTTP_PORT: 'none', MQTT_QOS: '7' });
  expect(wrong.code).toBe(2);
  expect(wrong.findings.map(({ what }) => what.split(' ')[0])).toEqual(['MQTT_QOS', 'HTTP_PORT']);

  const tokens = join(folder.path, 'tokens');
  writeFileSync(tokens, 'short read\n');
  await mkdir(join(folder.path, 'data'));
  const { code, findings } = await check({
    DATA_DIR: join(folder.path, 'data'),
    HTTP_TOKENS_FILE: tokens,
    EMBEDDED_MQTT_PORT: `${await freePort()}`,
    EMBEDDED_POSTGRES_PORT: `${await freePort()}`,
  });
  expect(code).toBe(2);
  expect(failed(findings)).toContain('tokens');
  expect(existsSync(join(folder.path, 'data', 'postgres'))).toBe(false);
});

test('a topics file that is wrong is a line a mistake, and the broker is asked all the same', async () => {
  await using folder = await temporaryFolder();
  const topics = join(folder.path, 'topics.yaml');
  writeFileSync(topics, 'topics:\n  - { fliter: a }\n  - { filter: b, use: nothing }\n');
  const port = await freePort();
  const broker = new EmbeddedBroker({ port });
  await broker.start();
  await using undo = new AsyncDisposableStack();
  undo.defer(() => broker.stop());
  const { code, findings } = await check({
    DATA_DIR: join(folder.path, 'data'),
    TOPICS_FILE: topics,
    MQTT_URL: `mqtt://127.0.0.1:${port}`,
    EMBEDDED_POSTGRES_PORT: `${await freePort()}`,
  });
  expect(code).toBe(2);
  const of = (name: string) => findings.filter(finding => finding.of === name);
  expect(of('topics').length).toBeGreaterThan(0);
  for (const { what } of of('topics')) expect(what).toMatch(/^topics\.yaml:\d+:\d+: [^\n]+$/);
  expect(of('broker').map(({ result }) => result)).toEqual(['ok', 'advice', 'ok']);
});

test('a name that is almost a setting is pointed out; the files of outlets and alerts are looked at', async () => {
  await using folder = await temporaryFolder();
  const { code, findings } = await check({
    DATA_DIR: join(folder.path, 'data'),
    MQTT_TOPIC: 'sensors/#',
    OUTLETS_FILE: join(folder.path, 'none.yaml'),
    ALERTS_FILE: join(folder.path, 'neither.yaml'),
  });
  expect(code).toBe(2);
  expect(findings).toContainEqual({
    of: 'settings',
    result: 'advice',
    what: 'MQTT_TOPIC is not a setting; did you mean "MQTT_TOPICS"?',
    todo: 'correct or remove it',
  });
  expect(failed(findings)).toEqual(expect.arrayContaining(['outlets', 'alerts']));
});
