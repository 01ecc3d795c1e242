import { access, mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { ClockCorrection } from '../../../collector/bronze/clock-correction.ts';
import { isClockSynchronized } from '../../../collector/bronze/clock-sync.ts';
import { ClockWatch } from '../../../collector/bronze/clock-watch.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { decideAgain } from '../../../collector/bronze/second-decision.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { eventually } from '../../harness/eventually.ts';
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
    await under.correction.look();
    expect(under.watch.suspicion).toContain('100 % of the last readings are more than 60 s ahead of it');
    await under.record(30);
    await under.correction.look();
  }
  await using under = await watched(folder.path);
  expect(under.watch.suspicion).toContain(
    'behind the readings from 2025-11-02T10:00:01Z to 2025-11-02T10:01:00Z',
  );
  expect(under.watch.suspicion).not.toContain('%');
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

test('of a collector that is killed before it has looked, all that it rejected is recorded', async () => {
  await using folder = await temporaryFolder();
  // Neither its recorder nor its correction stops.
  const killed = await watched(folder.path, 10 * DAY);
  await killed.record(120);
  expect(killed.recorder.counts).toMatchObject({ recorded: 0, rejected: 120 });
  await eventually(() => access(join(folder.path, 'clock_wrong.json')));
  await using under = await watched(folder.path);
  await under.record(5);
  await under.correction.look();
  expect(under.watch.suspicion).toBeUndefined();
  expect(await recordedIn(folder.path)).toBe(125);
});

test('of a collector that is killed after a few readings, all that it rejected is recorded', async () => {
  await using folder = await temporaryFolder();
  const killed = await watched(folder.path, 10 * DAY);
  await killed.record(1);
  await eventually(() => access(join(folder.path, 'clock_wrong.json')));
  await killed.record(2);
  // Nobody says yet that it is the clock.
  expect(killed.watch.suspicion).toBeUndefined();
  await using under = await watched(folder.path);
  expect(under.watch.suspicion).toContain(
    'behind the readings from 2025-11-02T10:00:01Z to 2025-11-02T10:00:03Z',
  );
  await under.record(5);
  await under.correction.look();
  expect(under.watch.suspicion).toBeUndefined();
  expect(await recordedIn(folder.path)).toBe(8);
  await expect(access(join(folder.path, 'clock_wrong.json'))).rejects.toThrow('ENOENT');
});

test('of a clock that is set after a few readings, all that it rejected is recorded', async () => {
  await using folder = await temporaryFolder();
  await using under = await watched(folder.path, 10 * DAY);
  await under.record(4);
  under.time.behind = 0;
  await under.correction.look();
  await under.record(5);
  await under.correction.look();
  expect(under.watch.suspicion).toBeUndefined();
  expect(await recordedIn(folder.path)).toBe(9);
});

test('a sensor that is ahead itself and comes first is doubted no longer than others take to come', async () => {
  await using folder = await temporaryFolder();
  await using under = await watched(folder.path);
  await under.record(2, 5 * DAY);
  await eventually(() => access(join(folder.path, 'clock_wrong.json')));
  await under.record(20);
  await under.correction.look();
  await expect(access(join(folder.path, 'clock_wrong.json'))).rejects.toThrow('ENOENT');
  // It is not asked again with each look.
  await under.record(2, 5 * DAY);
  await under.correction.look();
  await under.correction.stop();
  expect(under.watch.suspicion).toBeUndefined();
  await expect(access(join(folder.path, 'clock_wrong.json'))).rejects.toThrow('ENOENT');
  expect(await recordedIn(folder.path)).toBe(20);
});

test('of a collector that stops between two looks, all that it rejected is recorded', async () => {
  await using folder = await temporaryFolder();
  {
    await using under = await watched(folder.path, 10 * DAY);
    await under.record(25);
    await under.correction.look();
    await under.record(15);
    await under.correction.stop();
  }
  await using under = await watched(folder.path);
  await under.record(5);
  await under.correction.look();
  expect(await recordedIn(folder.path)).toBe(45);
});

test('what a clock that was right had rejected, days later by its time, stays rejected', async () => {
  await using folder = await temporaryFolder();
  {
    await using under = await watched(folder.path);
    await under.record(30);
    // Of a sensor that is two days ahead itself.
    await under.record(3, 2 * DAY);
  }
  {
    await using under = await watched(folder.path, 10 * DAY);
    await under.record(30);
  }
  await using under = await watched(folder.path, -3 * DAY);
  await under.record(30, 3 * DAY);
  await under.correction.look();
  expect(await recordedIn(folder.path)).toBe(90);
});

test('what is decided again twice, as a crash came between, is the same line twice', async () => {
  await using folder = await temporaryFolder();
  const killed = await watched(folder.path, 10 * DAY);
  await killed.record(25);
  await using under = await watched(folder.path);
  const wrong = { since: TRUE - 10 * DAY, until: TRUE - 9 * DAY };
  const { decoder } = defaultTopics(['#'], zoneOf('UTC')).plain;
  for (let n = 0; n < 2; n++) expect(await decideAgain(folder.path, under.recorder, decoder, wrong)).toBe(25);
  const lines = [...(await linesIn(join(folder.path, 'raw'))).values()].flat();
  expect(lines).toHaveLength(50);
  expect(new Set(lines).size).toBe(25);
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
  expect(under.watch.suspicion).toContain(
    'since 2025-11-22T10:01:00Z by its own time, for an hour or more, most readings have been more than a day behind it, ' +
      'the last of them 10 days',
  );
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
