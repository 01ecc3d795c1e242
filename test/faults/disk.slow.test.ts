import fs from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { zoneOf } from '../../base/time.ts';
import { Recorder } from '../../collector/bronze/recorder.ts';
import { defaultTopics } from '../../collector/payload/topics.ts';
import { startEmbedded } from '../harness/broker.ts';
import { databaseServers } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { startMosquitto, withoutMosquitto } from '../harness/mosquitto.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import {
  countLines,
  ledgerOf,
  linesIn,
  loaded,
  readyOf,
  receiving,
  silent,
  startCollector,
  withSurroundings,
} from '../harness/pipeline.ts';
import { freePort, temporaryFolder } from '../harness/server.ts';
import { CollectorProcess } from './collector-process.ts';
import { SmallDisk } from './small-disk.ts';

const server = () => databaseServers()[0]!;

/** A reading a sensor, for this many sensors. */
function readingsOf(sensors: number, time: string): string[] {
  return Array.from({ length: sensors }, (_, index) => payloadOf(`Sensor ${index + 1}`, time, index % 40));
}

const brokers = [
  { name: 'the embedded broker', missing: false, start: startEmbedded },
  { name: 'Mosquitto', missing: withoutMosquitto, start: () => startMosquitto({ persistence: true }) },
];

for (const { name, missing, start } of brokers) {
  test.skipIf(missing)(`an fsync that fails once: ${name} sends the group again, and nothing is lost`, () =>
    withSurroundings(server(), start, async ({ broker, database, dataDir, config }) => {
      await using running = await startCollector(config);
      await receiving(running.http);
      await publish(broker.url, readingsOf(20, '2025-11-12T10:00:00Z'));
      await loaded(database, 20);

      const fsync = vi.spyOn(fs, 'fdatasync');
      const failure = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
      fsync.mockImplementationOnce((_, done) => done(failure));
      try {
        await publish(broker.url, readingsOf(20, '2025-11-12T10:00:01Z'));
        await loaded(database, 40);
      } finally {
        fsync.mockRestore();
      }
      // Cut and sent again: a line that had stayed in its file would be there twice.
      const lines = [...(await linesIn(join(dataDir, 'raw'))).values()];
      expect(lines.flat()).toHaveLength(40);
      expect(new Set(lines.flat())).toHaveLength(40);
      expect(await ledgerOf(database)).toMatchObject({ lines: 40, stored: 40, duplicates: 0 });
      await eventually(async () =>
        expect((await readyOf(running.http)).body.recording).toEqual({ ok: true }),
      );
    }),
  );
}

test.skipIf(withoutMosquitto)(
  'a full disk: the broker keeps what cannot be recorded until there is room',
  context =>
    withSurroundings(
      server(),
      () => startMosquitto({ persistence: true }),
      async ({ broker, database, config }) => {
        await using folder = await temporaryFolder();
        await using disk = await SmallDisk.mount(folder.path, 32);
        if (disk === undefined) return context.skip('this user may not mount a small disk');
        const dataDir = join(disk.path, 'data');
        await using running = await startCollector({ ...config, DATA_DIR: dataDir });
        await receiving(running.http);
        await publish(broker.url, readingsOf(20, '2025-11-12T10:00:00Z'));
        await loaded(database, 20);

        await disk.fill();
        for (let second = 1; second <= 20; second++) {
          const time = `2025-11-12T10:00:${String(second).padStart(2, '0')}Z`;
          await publish(broker.url, readingsOf(100, time));
        }
        await eventually(async () => {
          const { code, body } = await readyOf(running.http);
          expect(code).toBe(503);
          expect(body.recording.reason).toMatch(/ENOSPC.*free some space/);
        });
        // What is there is whole, and no more than was sent.
        const kept = [...(await linesIn(join(dataDir, 'raw'))).values()].flat();
        for (const line of kept) expect(JSON.parse(line)).toHaveProperty('value');

        await disk.free();
        await loaded(database, 2020);
        expect(await countLines(join(dataDir, 'raw'))).toBe(2020);
        expect(await ledgerOf(database)).toMatchObject({ stored: 2020, duplicates: 0 });
        expect((await readyOf(running.http)).code).toBe(200);
      },
    ),
);

test('300 sensors with 128 file descriptors', () =>
  withSurroundings(server(), startEmbedded, async ({ broker, database, dataDir }) => {
    await using folder = await temporaryFolder();
    const port = await freePort();
    const registry = join(folder.path, 'sensors.csv');
    await writeFile(registry, 'sensor_id,quantity,unit,location,min_value,max_value\n');
    const env = {
      ...process.env,
      MQTT_URL: broker.url,
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      SENSORS_FILE: registry,
      HTTP_PORT: String(port),
      LOG_LEVEL: 'warn',
    };
    const log = join(folder.path, 'collector.log');
    const died = vi.fn();
    await using collector = new CollectorProcess(env, log, died);
    collector.start(128);
    await eventually(() => receiving(`http://127.0.0.1:${port}`));
    for (let second = 0; second < 10; second++) {
      await publish(broker.url, readingsOf(300, `2025-11-12T10:00:0${second}Z`));
    }
    await loaded(database, 3000);
    expect(await countLines(join(dataDir, 'raw'))).toBe(3000);
    expect(await ledgerOf(database)).toMatchObject({ stored: 3000, duplicates: 0 });
    expect(await collector.stop()).toEqual({ status: 0, signal: null });
    expect(died).not.toHaveBeenCalled();
    expect(await readFile(log, 'utf8')).not.toContain('EMFILE');
  }));

test('a clock that jumps moves no reading: its own time names its file', async () => {
  await using folder = await temporaryFolder();
  const dataDir = folder.path;
  let now = Date.UTC(2025, 10, 12, 23, 59, 59);
  const recorder = new Recorder({
    dataDir,
    topics: defaultTopics(['#'], zoneOf('UTC')),
    lateMinutes: 5,
    descriptors: 64,
    log: silent,
    now: () => now,
  });
  await recorder.start(false);
  const at = async (clock: number, ...payloads: string[]) => {
    now = clock;
    await Promise.all(payloads.map(payload => recorder.record('sensors/1', Buffer.from(payload)).durable));
  };
  const before = payloadOf('S', '2025-11-12T23:59:59.999999Z', 1);
  const after = payloadOf('S', '2025-11-13T00:00:00Z', 2);
  await at(now, before, after);
  // An hour forward, then two back, then months: nothing but the belief in readings from the future hangs on it. A clock
  // that is not set at all judges nobody.
  await at(now + 3_600_000, payloadOf('S', '2025-11-12T10:00:00Z', 3));
  await at(now - 7_200_000, payloadOf('S', '2025-11-12T10:00:01Z', 4), 'not JSON');
  await at(Date.UTC(2025, 5, 1), payloadOf('S', '2025-11-14T10:00:02Z', 5));
  await at(0, payloadOf('S', '2025-11-15T10:00:03Z', 6));
  await recorder.stop();
  const raw = await linesIn(join(dataDir, 'raw'));
  expect([...raw.keys()]).toEqual(['2025-11-12_S.jsonl', '2025-11-13_S.jsonl', '2025-11-15_S.jsonl']);
  expect(raw.get('2025-11-12_S.jsonl')).toEqual([
    before,
    payloadOf('S', '2025-11-12T10:00:00Z', 3),
    payloadOf('S', '2025-11-12T10:00:01Z', 4),
  ]);
  expect(raw.get('2025-11-13_S.jsonl')).toEqual([after]);
  const rejected = await linesIn(join(dataDir, 'rejected'));
  expect([...rejected.keys()]).toEqual(['2025-06-01.jsonl', '2025-11-12.jsonl']);
  expect(JSON.parse(rejected.get('2025-06-01.jsonl')![0]!)).toMatchObject({
    reason: 'dt is more than a day ahead',
  });
});
