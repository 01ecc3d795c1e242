import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { splitLines } from '../../../collector/bronze/line-reader.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { watermarkOf } from '../../../collector/bronze/watermark.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { Registry } from '../../../collector/silver/registry.ts';
import { decoderOf } from '../../harness/lines.ts';
import { silent } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

const utc = zoneOf('UTC');
const MIDNIGHT = Date.UTC(2025, 10, 12);
const MINUTE = 60_000;

/** A reading, of the common form or of another one that says the same. The value tells it from all others. */
const payload = (sensor: string, ms: number, value: number, common = true) => {
  const dt = new Date(ms).toISOString();
  return common
    ? `{"id": "${sensor}", "dt": "${dt}", "value": ${value}}`
    : `{"value":${value},"dt":"${dt}","id":"${sensor}"}`;
};

type Partition = 'sensor' | 'hour';

async function recorderIn(
  dataDir: string,
  {
    lateMinutes = 5,
    repair = false,
    partition = 'sensor' as Partition,
    now = () => MIDNIGHT + 3 * 86_400_000,
  } = {},
) {
  const recorder = new Recorder({
    dataDir,
    topics: defaultTopics(['#'], utc),
    lateMinutes,
    hourly: partition === 'hour' ? 'sluice-1' : undefined,
    descriptors: 16,
    log: silent,
    now,
  });
  await recorder.start(repair);
  const record = (...payloads: string[]) =>
    Promise.all(payloads.map(text => recorder.record('sensors/1', Buffer.from(text)).durable));
  return { recorder, record, [Symbol.asyncDispose]: () => recorder.stop() };
}

/** The values of the readings that are late, by the raw files and the marks beside them alone. */
async function lateIn(dataDir: string, lateMinutes = 5): Promise<number[]> {
  const raw = join(dataDir, 'raw');
  const late: number[] = [];
  const decoder = decoderOf(new Registry());
  for (const name of (await readdir(raw)).filter(name => name.endsWith('.jsonl'))) {
    const watermark = watermarkOf(join(raw, name), lateMinutes, false);
    for (const line of splitLines(await readFile(join(raw, name)), 0)) {
      const { rows } = decoder.decode(name, line, watermark);
      for (const row of rows) if (row.late) late.push(row.value);
    }
  }
  return late.sort((a, b) => a - b);
}

async function restore(path: string, text: string | undefined): Promise<void> {
  if (text === undefined) await rm(path, { force: true });
  else await writeFile(path, text);
}

const marksIn = async (dataDir: string) =>
  (await readdir(join(dataDir, 'raw'))).filter(name => name.endsWith('.late')).sort();

test('in whatever order readings come, those are late that come after a much newer one', async () => {
  const reading = fc.record({
    sensor: fc.constantFrom('Sensor 1', 'Sensor 2'),
    // Around two midnights, where the next day's file is young, and anywhere else.
    ms: fc.oneof(
      fc.integer({ min: -12 * MINUTE, max: 12 * MINUTE }),
      fc.integer({ min: -12 * MINUTE, max: 12 * MINUTE }).map(ms => ms + 24 * 60 * MINUTE),
      fc.integer({ min: -48 * 60 * MINUTE, max: 48 * 60 * MINUTE }),
    ),
    common: fc.boolean(),
  });
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.array(reading, { minLength: 1, maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom('restart' as const, 'crash' as const, 'switch' as const) },
  );
  const lateMinutes = fc.constantFrom(1, 5, 10, 1500);
  const partitions = fc.constantFrom<Partition>('sensor', 'hour');
  await fc.assert(
    fc.asyncProperty(
      partitions,
      fc.array(step, { maxLength: 12 }),
      lateMinutes,
      async (first, steps, lateMinutes) => {
        await using folder = await temporaryFolder();
        let partition = first;
        let under = await recorderIn(folder.path, { lateMinutes, partition });
        let written: string | undefined;
        const newest = new Map<string, number>();
        const expected: number[] = [];
        let value = 0;
        for (const step of steps) {
          if (typeof step === 'string') {
            await under.recorder.stop();
            // What was written down last may be old, or missing, after a crash.
            if (step === 'crash') await restore(join(folder.path, 'newest.jsonl'), written);
            else written = await readFile(join(folder.path, 'newest.jsonl'), 'utf8').catch(() => undefined);
            if (step === 'switch') partition = partition === 'hour' ? 'sensor' : 'hour';
            under = await recorderIn(folder.path, { lateMinutes, partition });
            continue;
          }
          const group = step.map(({ sensor, ms, common }) => {
            const second = Math.floor((MIDNIGHT + ms) / 1000);
            const before = newest.get(sensor) ?? second;
            value++;
            if (before - second > lateMinutes * 60) expected.push(value);
            newest.set(sensor, Math.max(before, second));
            return payload(sensor, MIDNIGHT + ms, value, common);
          });
          await under.record(...group);
        }
        await under.recorder.stop();
        expect(await lateIn(folder.path, lateMinutes)).toEqual(expected);
      },
    ),
    { numRuns: 100 },
  );
});

test('a reading of yesterday that comes before today, in the same group, is not late', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path);
  const yesterday = (value: number) => payload('S', MIDNIGHT - 1000, value);
  await under.record(yesterday(1), payload('S', MIDNIGHT + 3600_000, 2), yesterday(3), yesterday(4));
  expect(await lateIn(folder.path)).toEqual([3, 4]);
  const mark = { from: yesterday(1).length + 1, newest: '2025-11-12T01:00:00Z' };
  expect(await readFile(join(folder.path, 'raw/2025-11-11_S.late'), 'utf8')).toBe(
    `${JSON.stringify(mark)}\n`,
  );
});

test('one mark is enough once all of a day is late, and a new one is written only where it tells more', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path);
  const year = 365 * 86_400_000;
  for (let n = 1; n <= 20; n++) {
    await under.record(payload('S', MIDNIGHT + n * 1000, n), payload('S', MIDNIGHT - 1000, 100 + n));
    await under.record(payload('S', MIDNIGHT - year + n * 1000, 200 + n));
  }
  // Until 00:04:59 no reading of the last second of the day before is late.
  expect(await marksIn(folder.path)).toEqual(['2024-11-12_S.late']);
  for (let n = 1; n <= 20; n++) {
    await under.record(
      payload('S', MIDNIGHT + 6 * MINUTE + n * 1000, n),
      payload('S', MIDNIGHT - 1000, 300 + n),
    );
  }
  expect(await marksIn(folder.path)).toEqual(['2024-11-12_S.late', '2025-11-11_S.late']);
  const lines = await readFile(join(folder.path, 'raw/2025-11-11_S.late'), 'utf8');
  expect(lines.match(/\n/g)).toHaveLength(1);
});

test('after a restart the newest file says what was newest, also out of order and compressed', async () => {
  await using folder = await temporaryFolder();
  const raw = join(folder.path, 'raw');
  const first = await recorderIn(folder.path);
  const young = Array.from({ length: 300 }, (_, n) => payload('S', MIDNIGHT + 1000 + (n % 7), n));
  await first.record(payload('S', MIDNIGHT + 4 * MINUTE, 1), ...young);
  await first.record(payload('T', MIDNIGHT + 4 * MINUTE, 2));
  await first.recorder.stop();
  const compressed = await readFile(join(raw, '2025-11-12_T.jsonl'));
  await writeFile(join(raw, '2025-11-12_T.jsonl.gz'), gzipSync(compressed));
  await rm(join(raw, '2025-11-12_T.jsonl'));
  await using under = await recorderIn(folder.path);
  const [early, latest] = [MIDNIGHT - MINUTE - 1000, MIDNIGHT - 1000];
  for (const sensor of ['S', 'T']) {
    await under.record(payload(sensor, latest, 3), payload(sensor, early, 4), payload(sensor, early, 5));
  }
  expect(await lateIn(folder.path)).toEqual([4, 4, 5, 5]);
});

test('a crash leaves no torn mark, and no mark of lines that are not there', async () => {
  await using folder = await temporaryFolder();
  const first = await recorderIn(folder.path);
  await first.record(payload('S', MIDNIGHT + 3600_000, 1), payload('S', MIDNIGHT - 1000, 2));
  await first.recorder.stop();
  const raw = join(folder.path, 'raw');
  const marks = join(raw, '2025-11-11_S.late');
  const whole = await readFile(marks, 'utf8');
  const size = (await readFile(join(raw, '2025-11-11_S.jsonl'))).length;
  // Marks are written before their lines.
  await appendFile(marks, `{"from":${size},"newest":"2025-11-12T02:00:00Z"}\n{"from":${size + 60},"new`);
  await writeFile(join(raw, '2024-01-01_S.late'), '{"from":0,"newest":"2025-11-12T02:00:00Z"}\n');
  const second = await recorderIn(folder.path, { repair: true });
  expect(await readFile(marks, 'utf8')).toBe(whole);
  expect(await marksIn(folder.path)).toEqual(['2025-11-11_S.late']);
  await second.record(payload('S', MIDNIGHT - 2000, 3));
  await second.recorder.stop();
  expect(await lateIn(folder.path)).toEqual([2, 3]);
});

test('marks of a file that somebody has deleted do not count for the one that begins anew', async () => {
  await using folder = await temporaryFolder();
  const raw = join(folder.path, 'raw');
  const first = await recorderIn(folder.path);
  const [today, yesterday] = [payload('S', MIDNIGHT + 3600_000, 1), payload('S', MIDNIGHT - 3000, 2)];
  await first.record(yesterday, today, yesterday);
  await first.recorder.stop();
  await rm(join(raw, '2025-11-11_S.jsonl'));
  await using under = await recorderIn(folder.path);
  await under.record(payload('S', MIDNIGHT - 1000, 3));
  expect(await readFile(join(raw, '2025-11-11_S.late'), 'utf8')).toBe(
    '{"from":0,"newest":"2025-11-12T01:00:00Z"}\n',
  );
});

test('in the file of an hour a mark is of one sensor, and a late line needs one only where none before tells', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path, { partition: 'hour' });
  const at = (minute: number) => MIDNIGHT + minute * MINUTE;
  const kitchen = 'Küche \\"1\\"';
  const lines = [
    payload(kitchen, at(30), 1),
    payload('T', at(10), 2),
    payload(kitchen, at(20), 3),
    payload(kitchen, at(21), 4),
    payload('T', at(9), 5),
  ];
  await under.record(...lines);
  expect(await lateIn(folder.path)).toEqual([3, 4]);
  const from = Buffer.byteLength(`${lines[0]}\n${lines[1]}\n`);
  expect(await readFile(join(folder.path, 'raw/2025-11-12T00_@@sluice-1.late'), 'utf8')).toBe(
    `{"from":${from},"newest":"2025-11-12T00:30:00Z","sensor":"Küche \\"1\\""}\n`,
  );
});

test('a crash cuts a torn mark of a sensor, and those of lines that are not there', async () => {
  await using folder = await temporaryFolder();
  const first = await recorderIn(folder.path, { partition: 'hour' });
  await first.record(payload('Ä', MIDNIGHT + 10 * MINUTE, 1), payload('Ä', MIDNIGHT, 2));
  await first.recorder.stop();
  const marks = join(folder.path, 'raw/2025-11-12T00_@@sluice-1.late');
  const whole = await readFile(marks, 'utf8');
  await appendFile(
    marks,
    '{"from":9999,"newest":"2025-11-12T02:00:00Z","sensor":"Ä"}\n{"from":0,"newest":"2025-11-12T02:00:00Z","sen',
  );
  await using _ = await recorderIn(folder.path, { repair: true, partition: 'hour' });
  expect(await readFile(marks, 'utf8')).toBe(whole);
});

test('what was written down of files of hours grows with them, and damage costs only reading again', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'newest.jsonl');
  for (const [n, damage] of [undefined, '{"sensor":"S","newe\n', '7\n', undefined].entries()) {
    const under = await recorderIn(folder.path, { partition: 'hour' });
    await under.record(payload('S', MIDNIGHT + n * 60 * MINUTE, n));
    await under.recorder.stop();
    const newest = (MIDNIGHT + n * 60 * MINUTE) / 1000;
    expect((await readFile(path, 'utf8')).trim().split('\n').at(-1)).toBe(
      `{"sensor":"S","newest":${newest}}`,
    );
    if (damage !== undefined) await writeFile(path, damage);
  }
  await using under = await recorderIn(folder.path, { partition: 'hour' });
  await under.record(payload('S', MIDNIGHT, 100));
  expect(await lateIn(folder.path)).toEqual([100]);
});

test('whatever the clock does, a reading that was ahead of it makes no other one late', async () => {
  const HOUR = 60 * MINUTE;
  const partitions = fc.constantFrom<Partition>('sensor', 'hour');
  const reading = fc.record({
    // Where the clock is within a minute of it, the marks before decide.
    aheadMs: fc.oneof(
      fc.integer({ min: -30 * MINUTE, max: 20_000 }),
      fc.integer({ min: 61_000, max: 30 * MINUTE }),
      fc.integer({ min: -30 * HOUR, max: 20 * HOUR }).filter(ms => ms < 20_000 || ms > 61_000),
    ),
    common: fc.boolean(),
  });
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.array(reading, { minLength: 1, maxLength: 6 }) },
    { weight: 2, arbitrary: fc.integer({ min: -HOUR, max: 14 * HOUR }).map(ms => ({ ms })) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), partitions, async (steps, partition) => {
      await using folder = await temporaryFolder();
      let clock = MIDNIGHT - HOUR;
      await using under = await recorderIn(folder.path, { partition, now: () => clock });
      let newest = Number.NEGATIVE_INFINITY;
      const expected: number[] = [];
      let value = 0;
      for (const step of steps) {
        if (!Array.isArray(step)) {
          clock += step.ms;
          continue;
        }
        const group = step.map(({ aheadMs, common }) => {
          const ms = clock + aheadMs;
          const second = Math.floor(ms / 1000);
          value++;
          if (newest - second > 300) expected.push(value);
          if (aheadMs <= 60_000) newest = Math.max(newest, second);
          return payload('S', ms, value, common);
        });
        await under.record(...group);
      }
      expect(await lateIn(folder.path)).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

test('a sensor whose clock is ahead needs one mark a file, and one more where it is right again, also after a restart', async () => {
  await using folder = await temporaryFolder();
  let clock = MIDNIGHT + 60 * MINUTE;
  const tick = () => {
    clock += 1000;
    return clock;
  };
  const marks = async () =>
    (await readFile(join(folder.path, 'raw/2025-11-12_S.late'), 'utf8').catch(() => '')).split('\n').length -
    1;
  {
    await using under = await recorderIn(folder.path, { now: () => clock });
    for (let n = 0; n < 20; n++) await under.record(payload('S', tick() + 10 * MINUTE, n));
    expect(await marks()).toBe(1);
    // It is 45 s ahead: no mark is needed to believe what the marks say, or not to.
    for (let n = 0; n < 20; n++) await under.record(payload('S', tick() + 45_000, n));
    expect(await marks()).toBe(1);
    for (let n = 20; n < 120; n++) await under.record(payload('S', tick(), n));
    expect(await marks()).toBe(2);
    await under.record(payload('S', tick() - 6 * MINUTE, 1000));
  }
  await using under = await recorderIn(folder.path, { now: () => clock });
  for (let n = 0; n < 20; n++) await under.record(payload('S', tick(), n));
  // What the marks of the last recorder say it has not read; one of its own says the same.
  expect(await marks()).toBe(3);
  await under.record(payload('S', tick() - 6 * MINUTE, 1001));
  expect(await lateIn(folder.path)).toEqual([1000, 1001]);
});

test('after a restart the readings of a day that has not come make nothing late', async () => {
  await using folder = await temporaryFolder();
  const clock = MIDNIGHT - 60 * MINUTE;
  {
    await using under = await recorderIn(folder.path, { now: () => clock });
    await under.record(payload('S', clock - 1000, 1), payload('S', clock + 70 * MINUTE, 2));
  }
  await using under = await recorderIn(folder.path, { now: () => clock });
  await under.record(payload('S', clock, 3), payload('S', clock - 3 * MINUTE, 4));
  await under.record(payload('S', clock - 10 * MINUTE, 5));
  expect(await lateIn(folder.path)).toEqual([5]);
  // A day later all that there is of the day was ahead of the clock: nothing is known, until the next reading.
  await using later = await recorderIn(folder.path, { now: () => MIDNIGHT + 5 * MINUTE });
  await later.record(payload('S', MIDNIGHT - 30 * MINUTE, 6), payload('S', MIDNIGHT + 5 * MINUTE, 7));
  await later.record(payload('S', MIDNIGHT - 30 * MINUTE, 8));
  expect(await lateIn(folder.path)).toEqual([5, 8]);
});
