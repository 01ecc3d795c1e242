import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import { readTopics } from '../../../collector/payload/topics-file.ts';
import { startMosquitto, withoutMosquitto } from '../../harness/mosquitto.ts';
import { temporaryFolder } from '../../harness/server.ts';

const ROOT = join(import.meta.dirname, '../../..');
const yaml =
  'topics:\n  - use: zigbee2mqtt\n  - { filter: "n/{x}", format: number }\n  - { filter: off, ignore: true }\n';

/** Runs `sluice sniff`. @param during what happens while it runs; it ends when standard input does, or by --for. */
function sniff(args: string[], env: Record<string, string>, input = '') {
  return new Promise<{ status: number; out: string; err: string }>(resolve => {
    const child = execFile(
      process.execPath,
      [join(ROOT, 'sluice.js'), 'sniff', ...args],
      { cwd: ROOT, env: { PATH: process.env.PATH, ...env } },
      (error, out, err) => resolve({ status: error === null ? 0 : Number(error.code), out, err }),
    );
    child.stdin!.end(input);
  });
}

test('--explain says what becomes of one message, without a broker', async () => {
  await using folder = await temporaryFolder();
  const TOPICS_FILE = join(folder.path, 'topics.yaml');
  await writeFile(TOPICS_FILE, yaml);
  const explain = async (topic: string, payload: string) => {
    const { status, out } = await sniff(['--explain', topic], { TOPICS_FILE }, payload);
    return { status, ...JSON.parse(out) };
  };
  expect(await explain('zigbee2mqtt/hall', '{"temperature": 21.5, "state": "ON"}')).toMatchObject({
    status: 0,
    entry: 'zigbee2mqtt/{device#}',
    outcome: 'readings',
    readings: [
      { sensor_id: 'hall/temperature', value: 21.5, unit: '°C', time_is_arrival: true },
      { sensor_id: 'hall/state', value: 1 },
    ],
  });
  expect(await explain('n/a', 'warm')).toMatchObject({
    status: 1,
    outcome: 'rejected',
    reason: 'not a number',
  });
  expect(await explain('off', 'x')).toMatchObject({ status: 0, outcome: 'ignored' });
  expect(await explain('elsewhere', '1')).toMatchObject({ status: 1, entry: null, outcome: 'no entry' });
});

test('what is wrong with the file, and with the call, is told', async () => {
  await using folder = await temporaryFolder();
  const TOPICS_FILE = join(folder.path, 'topics.yaml');
  await writeFile(TOPICS_FILE, 'topics: [{ filter: a/#/b }]');
  const { status, err } = await sniff(['--explain', 'a'], { TOPICS_FILE });
  expect([status, err]).toEqual([
    2,
    expect.stringContaining('topics.yaml:1:12: filter must have # or {name#} at its end only'),
  ]);
  for (const [duration, hint] of [
    ['ever', 'such as 30s, 5m or 1h.'],
    ['3', 'did you mean 3s?'],
  ] as const) {
    const refused = await sniff(['--for', duration], {});
    expect(refused).toMatchObject({ status: 2, err: expect.stringContaining(hint) });
  }
});

test.skipIf(withoutMosquitto)(
  'messages come as NDJSON, and --suggest writes a file that takes them',
  async () => {
    await using mosquitto = await startMosquitto();
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'suggested.yaml');
    const publisher = await connectAsync(mosquitto.url);
    try {
      // Kept ones come at once, whenever it has subscribed.
      await publisher.publishAsync('zigbee2mqtt/hall', '{"temperature": 21.5}', { retain: true, qos: 1 });
      await publisher.publishAsync('garden/soil', '41.5', { retain: true, qos: 1 });
      const env = { MQTT_URL: mosquitto.url };
      const { status, out } = await sniff(['--for', '2s', '--suggest', file], env);
      const lines = out
        .trim()
        .split('\n')
        .map(line => JSON.parse(line));
      expect(status).toBe(0);
      expect(lines.map(({ topic }) => topic).sort()).toEqual(['garden/soil', 'zigbee2mqtt/hall']);
      expect(lines[0]).toMatchObject({
        qos: 1,
        retain: true,
        bytes: expect.any(Number),
        payload: expect.any(String),
      });
      const topics = readTopics(await readFile(file, 'utf8'), { zone: 'UTC' });
      expect(topics.find('zigbee2mqtt/hall')?.name).toBe('zigbee2mqtt/{device#}');
      expect(topics.find('garden/soil')?.name).toBe('garden/soil');
      const narrow = await sniff(['garden/#', '--for', '2s'], env);
      expect(narrow.out.trim().split('\n')).toHaveLength(1);
      expect(narrow.err).toContain(`Listening on garden/# at ${new URL(mosquitto.url).host}, for 2 s.`);
      const unwritten = join(folder.path, 'unwritten.yaml');
      const nothing = await sniff(['nobody/#', '--for', '1s', '--suggest', unwritten], env);
      expect([nothing.status, existsSync(unwritten)]).toEqual([1, false]);
      expect(nothing.err).toContain('Nothing came on nobody/# for 1 s. No topics file was written.');
    } finally {
      await publisher.endAsync();
    }
  },
);
