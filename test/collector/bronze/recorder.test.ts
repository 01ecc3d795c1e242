import fs from 'node:fs';
import { mkdir, open, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { prepareCompressed } from '../../../collector/bronze/compressed-file.ts';
import { RawFileName } from '../../../collector/bronze/raw-file-name.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { eventually } from '../../harness/eventually.ts';
import { sizesOf } from '../../harness/lines.ts';
import { linesIn, silent } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

const NOW = Date.UTC(2025, 10, 12, 12);
const reading = (sensor: string, n: number | string) =>
  `{"id":"${sensor}","dt":"2025-11-12T10:15:01Z","value":${n}}`;

/** A recorder that runs in a folder of its own. */
async function recorderIn(dataDir: string, { descriptors = 64, repair = false } = {}) {
  const recorder = new Recorder({
    dataDir,
    topics: defaultTopics(['#'], zoneOf('UTC')),
    lateMinutes: 5,
    descriptors,
    log: silent,
    now: () => NOW,
  });
  await recorder.start(repair);
  const record = (...payloads: string[]) =>
    Promise.all(payloads.map(payload => recorder.record('sensors/1', Buffer.from(payload)).durable));
  return { recorder, record, [Symbol.asyncDispose]: () => recorder.stop() };
}

test('messages are in the file of their sensor and date, byte for byte, in their order', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path);
  const odd = ' {"value": 1e400,  "dt":"2025-11-11T23:59:59.9Z","id":"Sensor 1","x":"\\ud800"}\t';
  await under.record(odd, reading('Sensor 1', 1), reading('Sensor_1', 2), reading('Sensor 1', 3));
  await under.record('{"id":"Sensor 1",\r\n"dt":"2025-11-12",\n"value":4}');
  expect(await linesIn(join(folder.path, 'raw'))).toEqual(
    new Map([
      ['2025-11-11_Sensor_1.jsonl', [odd]],
      ['2025-11-12_Sensor%5F1.jsonl', [reading('Sensor_1', 2)]],
      [
        '2025-11-12_Sensor_1.jsonl',
        [reading('Sensor 1', 1), reading('Sensor 1', 3), '{"id":"Sensor 1",  "dt":"2025-11-12", "value":4}'],
      ],
    ]),
  );
  expect(under.recorder.counts).toMatchObject({ recorded: 5, rejected: 0 });
  expect(under.recorder.pendingBytes).toBe(0);
});

test('a message that is not a reading is kept with its reason', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path);
  await under.record('gibberish', reading('Sensor 1', 1));
  await under.recorder.record('sensors/2', Buffer.from([0xff, 0x0a])).durable;
  const rejected = await linesIn(join(folder.path, 'rejected'));
  const common = { received_at: '2025-11-12T12:00:00.000Z' };
  expect(rejected.get('2025-11-12.jsonl')?.map(line => JSON.parse(line))).toEqual([
    { ...common, topic: 'sensors/1', reason: 'not JSON', payload: 'gibberish' },
    { ...common, topic: 'sensors/2', reason: 'not UTF-8', payload_base64: '/wo=' },
  ]);
  expect(under.recorder.counts).toMatchObject({ recorded: 1, rejected: 2 });
});

test('what comes while a group is written is the next group, and nothing overtakes', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path);
  const told: string[] = [];
  const payloads = Array.from({ length: 500 }, (_, n) => reading('Sensor 1', n));
  for (const [n, payload] of payloads.entries()) {
    void under.recorder.record('t', Buffer.from(payload)).durable.then(() => told.push(payload));
    if (n % 100 === 99) await new Promise(resolve => setImmediate(resolve));
  }
  await eventually(() => expect(told).toHaveLength(payloads.length));
  expect(told).toEqual(payloads);
  expect((await linesIn(join(folder.path, 'raw'))).get('2025-11-12_Sensor_1.jsonl')).toEqual(payloads);
  expect(under.recorder.counts.groups).toBeGreaterThan(1);
  expect(under.recorder.counts.groups).toBeLessThan(10);
});

test('a message is durable only when all of its line is in the file', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path);
  for (let n = 0; n < 20; n++) {
    await under.record(reading('Sensor 1', n));
    const text = await readFile(join(folder.path, 'raw/2025-11-12_Sensor_1.jsonl'), 'utf8');
    expect(text.endsWith(`${reading('Sensor 1', n)}\n`)).toBe(true);
  }
});

test('nothing counts before its file, and the entry of a new file in its folder, are on disk', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path);
  await using handle = await open(folder.path);
  const order: string[] = [];
  /** Calls that wait for `go`, in the order in which they came. */
  const held: (() => void)[] = [];
  const go = async (what: string) => {
    await eventually(() => expect(held).toHaveLength(1));
    order.push(what);
    held.pop()!();
  };
  const { fdatasync } = fs;
  const ofFiles = vi.spyOn(fs, 'fdatasync');
  ofFiles.mockImplementation(
    ((descriptor: number, done: fs.NoParamCallback) =>
      void held.push(() => fdatasync(descriptor, done))) as typeof fdatasync,
  );
  const ofFolders = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'sync');
  const { promise: synced, resolve: sync } = Promise.withResolvers<void>();
  ofFolders.mockImplementationOnce(() => {
    held.push(sync);
    return synced;
  });
  try {
    for (const n of [1, 2]) {
      const recorded = under.record(reading('Sensor 1', n)).then(() => order.push(`counts ${n}`));
      await go(`file ${n}`);
      if (n === 1) await go('folder');
      await recorded;
    }
  } finally {
    ofFiles.mockRestore();
    ofFolders.mockRestore();
  }
  expect(order).toEqual(['file 1', 'folder', 'counts 1', 'file 2', 'counts 2']);
});

test('a snapshot shows what is durable at that moment, and no more', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path);
  const told = new Map<string, number>();
  under.recorder.groups.follow(({ files }) => {
    for (const { file, size } of files) told.set(file, size);
  });
  await writeFile(join(folder.path, 'raw/notes.txt'), 'not ours');
  for (let n = 0; n < 100; n++) {
    const recording = under.record(reading(`Sensor ${n % 7}`, n), reading(`Sensor ${n % 3}`, n));
    await sizesOf(under.recorder).then(sizes => expect(sizes).toEqual(told));
    if (n % 10 === 0) await recording;
  }
  await under.record(reading('Sensor 1', 100));
  expect([...told.keys()]).toHaveLength(7);
  for (const [file, size] of told) expect((await stat(join(folder.path, 'raw', file))).size).toBe(size);
});

test('stop() writes what is open', async () => {
  await using folder = await temporaryFolder();
  const under = await recorderIn(folder.path);
  let durable = false;
  const recording = under.record(reading('Sensor 1', 1)).then(() => {
    durable = true;
  });
  recording.catch(() => undefined);
  await under.recorder.stop();
  expect(durable).toBe(true);
});

test('after a crash torn lines are cut before anything is appended', async () => {
  await using folder = await temporaryFolder();
  const torn = {
    'raw/2025-11-12_Sensor_1.jsonl': 'whole\n{"torn',
    'raw/2025-11-12_Sensor_2.jsonl': '{"torn',
  };
  const files = { ...torn, 'rejected/2025-11-12.jsonl': 'whole\n{"torn' };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder.path, dirname(path)), { recursive: true });
    await writeFile(join(folder.path, path), text);
  }
  await using under = await recorderIn(folder.path, { repair: true });
  for (const [path, text] of Object.entries(files)) {
    expect(await readFile(join(folder.path, path), 'utf8')).toBe(text.replace('{"torn', ''));
  }
  expect((await sizesOf(under.recorder)).get('2025-11-12_Sensor_1.jsonl')).toBe(6);
  await under.record(reading('Sensor 1', 1));
  expect((await linesIn(join(folder.path, 'raw'))).get('2025-11-12_Sensor_1.jsonl')).toEqual([
    'whole',
    reading('Sensor 1', 1),
  ]);
});

test('more files than descriptors', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path, { descriptors: 16 });
  const sensors = Array.from({ length: 300 }, (_, n) => `s${n}`);
  for (let round = 0; round < 3; round++) {
    await under.record(...sensors.map(sensor => reading(sensor, round)));
  }
  const lines = await linesIn(join(folder.path, 'raw'));
  expect(lines.size).toBe(300);
  for (const sensor of sensors) {
    expect(lines.get(`2025-11-12_${sensor}.jsonl`)).toEqual([0, 1, 2].map(round => reading(sensor, round)));
  }
});

test.each([
  // Files that are written at the same time are open at the same time, 32 of them.
  { descriptors: 16, most: 32 },
  { descriptors: 64, most: 64 },
])('with $descriptors descriptors at most $most files are open', async ({ descriptors, most }) => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path, { descriptors });
  await under.record(...Array.from({ length: 300 }, (_, n) => reading(`s${n}`, 1)));
  expect(await openFilesBelow(folder.path)).toBeLessThanOrEqual(most);
});

async function openFilesBelow(folder: string): Promise<number> {
  if (process.platform !== 'linux') return 0;
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return links.filter(path => path.startsWith(folder)).length;
}

test('while a folder is missing nothing counts; when it is back, recording goes on', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path);
  const raw = join(folder.path, 'raw');
  await rm(raw, { recursive: true });
  await expect(under.record(reading('Sensor 1', 1))).rejects.toThrow(`Cannot record to ${folder.path}`);
  await expect(under.record(reading('Sensor 1', 2))).rejects.toThrow('Nothing is acknowledged');
  expect(under.recorder.failure?.message).toContain('ENOENT');
  expect(under.recorder.pendingBytes).toBe(0);
  await mkdir(raw);
  await under.recorder.untilRecording();
  expect(under.recorder.failure).toBeUndefined();
  await under.record(reading('Sensor 1', 3));
  expect((await linesIn(raw)).get('2025-11-12_Sensor_1.jsonl')).toEqual([reading('Sensor 1', 3)]);
  expect(under.recorder.counts).toMatchObject({ recorded: 1 });
});

test('what follows the recorder cannot end recording, nor keep others from what they follow', async () => {
  await using folder = await temporaryFolder();
  await using under = await recorderIn(folder.path);
  const seen: number[] = [];
  under.recorder.groups.follow(() => {
    throw new RangeError('too deep');
  });
  under.recorder.groups.follow(({ messages }) => seen.push(messages));
  await under.record(reading('Sensor 1', 1));
  await under.record(reading('Sensor 1', 2));
  expect(seen).toEqual([1, 1]);
  expect(under.recorder.counts).toMatchObject({ recorded: 2 });
});

test.each([
  'Sensor 1',
  // Their names are hashed to begin with.
  '🌡'.repeat(50),
])(
  'a file that cannot be written, or is a folder, costs nobody else anything: its lines go beside it (%s)',
  async id => {
    await using folder = await temporaryFolder();
    const name = RawFileName.ofReading(id, NOW * 1000);
    const [beside, besideThat] = [name.apart(id), name.apart(id).apart(id)];
    for (const { path } of [name, beside]) await mkdir(join(folder.path, path), { recursive: true });
    await mkdir(join(folder.path, 'rejected/2025-11-12.jsonl'), { recursive: true });
    for (const repair of [false, true]) {
      await using under = await recorderIn(folder.path, { repair });
      const record = async (payload: string) => {
        // As a broker does, which sends again what was not acknowledged.
        for (let tries = 0; tries < 9; tries++) {
          try {
            return await under.record(payload);
          } catch {
            await under.recorder.untilRecording();
          }
        }
        throw new Error('it is never recorded');
      };
      await record(reading(id, repair ? 2 : 1));
      await record(reading('Sensor 2', repair ? 2 : 1));
      await record('not a reading');
    }
    for (const { path } of [name, beside]) await rm(join(folder.path, path), { recursive: true });
    const lines = await linesIn(join(folder.path, 'raw'));
    expect(lines.get(besideThat.key)).toEqual([reading(id, 1), reading(id, 2)]);
    expect(lines.get('2025-11-12_Sensor_2.jsonl')).toEqual([reading('Sensor 2', 1), reading('Sensor 2', 2)]);
    expect(
      (await readFile(join(folder.path, 'rejected/2025-11-12~.jsonl'), 'utf8')).split('\n'),
    ).toHaveLength(3);
  },
);

test('raw and rejected files are readable for the owner and its group only, whatever form they have', async () => {
  await using folder = await temporaryFolder();
  const before = process.umask(0o022);
  try {
    await using under = await recorderIn(folder.path);
    await under.record(reading('Sensor 1', 1), 'not a reading');
    for (const path of ['raw/2025-11-12_Sensor_1.jsonl', 'rejected/2025-11-12.jsonl']) {
      expect((await stat(join(folder.path, path))).mode & 0o777, path).toBe(0o640);
    }
    const raw = join(folder.path, 'raw/2025-11-12_Sensor_1.jsonl');
    await prepareCompressed(raw, (await stat(raw)).size);
    expect((await stat(`${raw}.gz.tmp`)).mode & 0o777).toBe(0o640);
  } finally {
    process.umask(before);
  }
});
