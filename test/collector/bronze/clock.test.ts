import { access, mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { ClockCorrection } from '../../../collector/bronze/clock-correction.ts';
import { isClockSynchronized } from '../../../collector/bronze/clock-sync.ts';
import { ClockWatch } from '../../../collector/bronze/clock-watch.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { linesIn, silent } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

const TRUE = Date.UTC(2025, 10, 12, 10);
const DAY = 86_400_000;

/** A recorder whose clock is `behind` ms behind the true time, and what watches it. */
async function watched(dataDir: string, behind = 0, isSynchronized?: boolean) {
  const time = { passed: 0, behind, isSynchronized };
  const now = () => TRUE + time.passed - time.behind;
  const topics = defaultTopics(['#'], zoneOf('UTC'));
  const watch = new ClockWatch(
    dataDir,
    now,
    () => time.passed,
    async () => time.isSynchronized,
  );
  const recorder = new Recorder({
    dataDir,
    topics,
    lateMinutes: 5,
    descriptors: 16,
    log: silent,
    clock: watch,
    now,
  });
  await recorder.start(false);
  await watch.start();
  const correction = new ClockCorrection(watch, dataDir, recorder, topics.plain.decoder, silent);
  /** Readings of now, by the sensors' clocks, which are right. */
  const record = async (count: number, aheadMs = 0) => {
    for (let n = 0; n < count; n++) {
      time.passed += 1000;
      const dt = new Date(TRUE + time.passed + aheadMs).toISOString();
      await recorder.record('sensors/1', Buffer.from(`{"id": "Sensor 1", "dt": "${dt}", "value": ${n}}`))
        .durable;
    }
  };
  return { time, watch, recorder, correction, record, [Symbol.asyncDispose]: () => recorder.stop() };
}

const recordedIn = async (dataDir: string) =>
  [...(await linesIn(join(dataDir, 'raw'))).values()].reduce((sum, lines) => sum + lines.length, 0);

test('a clock that is days behind is noticed, and what it rejected is recorded when it is right, also after a restart', async () => {
  await using folder = await temporaryFolder();
  {
    await using under = await watched(folder.path, 10 * DAY);
    await under.record(30);
    expect(under.recorder.counts).toMatchObject({ recorded: 0, rejected: 30 });
    expect(under.watch.suspicion).toBeUndefined();
    await under.correction.look();
    expect(under.watch.suspicion).toContain('100 % of the last readings are more than 60 s ahead of it');
    await under.record(30);
    await under.correction.look();
  }
  await using under = await watched(folder.path);
  expect(under.watch.suspicion).toContain('the clock of this machine seems wrong');
  await under.record(30);
  await under.correction.look();
  expect(under.watch.suspicion).toBeUndefined();
  expect(await recordedIn(folder.path)).toBe(90);
  await expect(access(join(folder.path, 'clock_wrong.json'))).rejects.toThrow('ENOENT');
});

test('set while the collector runs, nothing between two looks is forgotten', async () => {
  await using folder = await temporaryFolder();
  await using under = await watched(folder.path, 3 * DAY);
  await under.record(25);
  await under.correction.look();
  // These are rejected after the last look by the wrong clock.
  await under.record(25);
  under.time.behind = 0;
  await under.correction.look();
  await under.record(25);
  await under.correction.look();
  expect(await recordedIn(folder.path)).toBe(75);
});

test('a sensor whose own clock is days ahead stays rejected, and nobody suspects ours', async () => {
  await using folder = await temporaryFolder();
  await using under = await watched(folder.path);
  for (let n = 0; n < 3; n++) {
    await under.record(20);
    await under.record(5, 5 * DAY);
    await under.correction.look();
    expect(under.watch.suspicion).toBeUndefined();
  }
  expect(under.recorder.counts).toMatchObject({ recorded: 60, rejected: 15 });
  expect(await recordedIn(folder.path)).toBe(60);
});

test('a clock that is days ahead is suspected after an hour in which most readings are days old', async () => {
  await using folder = await temporaryFolder();
  await using under = await watched(folder.path, -10 * DAY);
  for (let minute = 0; minute < 61; minute++) {
    expect(under.watch.suspicion).toBeUndefined();
    await under.record(60);
    await under.correction.look();
  }
  expect(under.watch.suspicion).toContain('more than a day behind it');
  // The readings are where they belong all the same.
  expect([...(await linesIn(join(folder.path, 'raw'))).keys()]).toEqual(['2025-11-12_Sensor_1.jsonl']);
  under.time.behind = 0;
  await under.record(30);
  await under.correction.look();
  expect(under.watch.suspicion).toBeUndefined();
});

test('a clock that no time server has set is told, where the system tells', async () => {
  await using folder = await temporaryFolder();
  await using under = await watched(folder.path, 0, false);
  expect(under.watch.unsynchronized).toContain('no time server');
  expect(under.watch.state).toMatchObject({ suspicion: undefined, isSynchronized: false });
  under.time.isSynchronized = true;
  await under.correction.look();
  expect(under.watch.unsynchronized).toBeUndefined();
});

test('systemd-timesyncd tells by a file; without its folder nobody does', async () => {
  await using folder = await temporaryFolder();
  const ofService = join(folder.path, 'timesync');
  const file = join(ofService, 'synchronized');
  expect(await isClockSynchronized(TRUE, file)).toBeUndefined();
  await mkdir(ofService);
  expect(await isClockSynchronized(TRUE, file)).toBe(false);
  await writeFile(file, '');
  await utimes(file, TRUE / 1000, TRUE / 1000);
  expect(await isClockSynchronized(TRUE + DAY - 1000, file)).toBe(true);
  expect(await isClockSynchronized(TRUE + DAY + 1000, file)).toBe(false);
});
