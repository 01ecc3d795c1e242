import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../base/time.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import type { Decoder } from '../../../collector/payload/decoder.ts';
import { readEnvelope } from '../../../collector/payload/envelope.ts';
import type { Filter } from '../../../collector/payload/filter.ts';
import { type TopicEntry, Topics } from '../../../collector/payload/topics.ts';
import { deliveryOf } from '../../../collector/source/delivery.ts';
import { silent } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';

const NOW = Date.UTC(2025, 10, 12, 10);
const QOS_1 = 2;
const RETAIN = 1;
const DUP = 8;

const utc = zoneOf('UTC');
const decoder: Decoder = { decode: () => [] };

/** An entry of a topics file, for a filter. */
function entry(text: string, given: Partial<TopicEntry>): TopicEntry & { filter: Filter } {
  const defaults = {
    ignore: false,
    decoder,
    hasEnvelope: true,
    retained: 'skip',
    hasOwnTime: false,
  } as const;
  const filter = { text, subscription: text, levels: text.split('/'), names: new Map() };
  return { name: text, ...defaults, ...given, filter };
}

const topics = new Topics(
  [
    entry('a/ignored', { ignore: true }),
    entry('a/retained', { retained: 'take' }),
    entry('a/timed', { retained: 'take', hasOwnTime: true }),
    entry('a/failing', {
      decoder: {
        decode: () => [],
        annotate: () => {
          throw new RangeError('a payload that nobody has thought of');
        },
      },
    }),
    entry('a/#', {}),
  ],
  '',
  utc,
);

async function recording(dataDir: string, clock = () => NOW, hourly?: string) {
  const recorder = new Recorder({
    dataDir,
    topics,
    lateMinutes: 5,
    hourly,
    descriptors: 16,
    log: silent,
    now: clock,
  });
  await recorder.start(false);
  const record = (topic: string, payload: string | Buffer, id = 0, flags = 0) =>
    recorder.record(topic, Buffer.from(payload), deliveryOf(id, flags), { session: 's' }).durable;
  return { recorder, record, [Symbol.asyncDispose]: () => recorder.stop() };
}

async function linesOf(dataDir: string, name: string): Promise<Buffer[]> {
  const text = await readFile(join(dataDir, 'raw', name), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map(line => Buffer.from(line));
}

test('a message of an entry with a format is recorded as it came, in the file of its topic', async () => {
  await using folder = await temporaryFolder();
  await using under = await recording(folder.path);
  await under.record('a/küche 1', '{"t":\n 21.50}', 7, QOS_1 | DUP);
  await under.record('a/küche 1', Buffer.from([0xff, 0x00]), 8, QOS_1);
  await under.record('a/timed', 'on', 9, QOS_1);
  const [json, bytes] = await linesOf(folder.path, '2025-11-12_@a%2Fk%C3%BCche_1.jsonl');
  expect(json!.toString()).toContain('"payload": {"t":  21.50}');
  expect(readEnvelope(json!)).toMatchObject({
    topic: 'a/küche 1',
    arrival: NOW * 1000,
    qos: 1,
    dup: true,
    packetId: 7,
    session: 's',
  });
  expect(readEnvelope(bytes!)).toMatchObject({ payload: Buffer.from([0xff, 0x00]), packetId: 8 });
  // What has a time of its own is told apart by that.
  const [timed] = await linesOf(folder.path, '2025-11-12_@a%2Ftimed.jsonl');
  expect(readEnvelope(timed!)).not.toHaveProperty('packetId');
  expect(under.recorder.counts).toMatchObject({ recorded: 3, rejected: 0 });
});

test('a message of QoS 0 is one of its entry as any other', async () => {
  await using folder = await temporaryFolder();
  await using under = await recording(folder.path);
  await under.record('a/b', '21.5');
  await under.record('a/b', '21.6', 0, RETAIN);
  const [line] = await linesOf(folder.path, '2025-11-12_@a%2Fb.jsonl');
  expect(readEnvelope(line!)).toMatchObject({ topic: 'a/b', qos: 0, payload: Buffer.from('21.5') });
  expect(readEnvelope(line!)).not.toHaveProperty('packetId');
  expect(under.recorder.counts).toMatchObject({ recorded: 1, rejected: 0, ignored: 1 });
});

test('arrivals increase strictly, also where the clock stands still or is set back a little', async () => {
  await using folder = await temporaryFolder();
  let clock = NOW;
  await using under = await recording(folder.path, () => clock);
  for (const ms of [0, 0, 5, 3, 3, 10]) {
    clock = NOW + ms;
    await under.record('a/b', `${ms}`);
  }
  const arrivals = (await linesOf(folder.path, '2025-11-12_@a%2Fb.jsonl')).map(line => {
    const envelope = readEnvelope(line);
    return typeof envelope === 'string' ? envelope : envelope.arrival - NOW * 1000;
  });
  expect(arrivals).toEqual([0, 1, 5000, 5001, 5002, 10_000]);
});

test('a day begins a file of its own', async () => {
  await using folder = await temporaryFolder();
  let clock = NOW;
  await using under = await recording(folder.path, () => clock);
  await under.record('a/b', '1');
  clock += 86_400_000;
  await under.record('a/b', '2');
  expect(await readdir(join(folder.path, 'raw'))).toEqual([
    '2025-11-12_@a%2Fb.jsonl',
    '2025-11-13_@a%2Fb.jsonl',
  ]);
});

test('what is ignored, and what the broker had kept, is acknowledged and not recorded', async () => {
  await using folder = await temporaryFolder();
  await using under = await recording(folder.path);
  await under.record('a/ignored', '1');
  await under.record('a/b', '1', 1, QOS_1 | RETAIN);
  expect(await readdir(join(folder.path, 'raw'))).toEqual([]);
  expect(under.recorder.counts).toMatchObject({ recorded: 0, rejected: 0, ignored: 2 });
  await under.record('a/timed', '1', 2, QOS_1 | RETAIN);
  expect(await linesOf(folder.path, '2025-11-12_@a%2Ftimed.jsonl')).toHaveLength(1);
});

test('a message that the broker had kept is taken where the topic said something else before, also after a restart', async () => {
  await using folder = await temporaryFolder();
  for (let start = 0; start < 2; start++) {
    await using under = await recording(folder.path);
    await under.record('a/retained', '1', 1, QOS_1 | RETAIN);
    await under.record('a/retained', '1', 2, QOS_1 | RETAIN);
  }
  expect(await linesOf(folder.path, '2025-11-12_@a%2Fretained.jsonl')).toHaveLength(1);
  await using under = await recording(folder.path);
  await under.record('a/retained', '2', 3, QOS_1);
  await under.record('a/retained', '2', 4, QOS_1 | RETAIN);
  await under.record('a/retained', '1', 5, QOS_1 | RETAIN);
  expect(await linesOf(folder.path, '2025-11-12_@a%2Fretained.jsonl')).toHaveLength(3);
});

test('files of hours tell what the broker had kept as well, after a restart, a crash and a change of the setting', async () => {
  await using folder = await temporaryFolder();
  const written = join(folder.path, 'newest.jsonl');
  const kept = async (payloads: string[], hour: number, hourly?: string) => {
    await using under = await recording(folder.path, () => NOW + hour * 3_600_000, hourly);
    for (const payload of payloads) await under.record('a/retained', payload, 1, QOS_1 | RETAIN);
    return under.recorder.counts.recorded;
  };
  expect(await kept(['1', '1'], 0, 'c')).toBe(1);
  const before = await readFile(written, 'utf8');
  expect(await kept(['1', '2'], 1, 'c')).toBe(1);
  // Of a crash, after which what was written down is old.
  await writeFile(written, before);
  expect(await kept(['2'], 2, 'c')).toBe(0);
  expect(await kept(['2'], 3)).toBe(0);
  expect(await kept(['3', '3'], 4)).toBe(1);
  expect(await kept(['3'], 5, 'c')).toBe(0);
  expect(await kept(['2'], 6, 'c')).toBe(1);
  expect(await kept(['2'], 7)).toBe(0);
  const names = [
    '2025-11-12T10_@@@c',
    '2025-11-12T11_@@@c',
    '2025-11-12T16_@@@c',
    '2025-11-12_@a%2Fretained',
  ];
  expect((await readdir(join(folder.path, 'raw'))).sort()).toEqual(names.map(name => `${name}.jsonl`));
});

test('a message whose topic no entry takes, or of which only the beginning came, is rejected', async () => {
  await using folder = await temporaryFolder();
  await using under = await recording(folder.path);
  await under.record('b', '1');
  const origin = { session: 's', payloadBytes: 300_000 };
  await under.recorder.record('a/b', Buffer.from('{"a":'), deliveryOf(1, QOS_1), origin).durable;
  const rejected = (await readFile(join(folder.path, 'rejected/2025-11-12.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
  expect(rejected).toMatchObject([
    { topic: 'b', reason: 'no entry of the topics file takes this topic' },
    { topic: 'a/b', reason: 'larger than 262144 bytes', payload_bytes: 300_000 },
  ]);
});

test('what comes over HTTP is plain, whatever the topics file says', async () => {
  await using folder = await temporaryFolder();
  await using under = await recording(folder.path);
  const payload = '{"id": "Sensor 1", "dt": "2025-11-12T10:15:01Z", "value": 1}';
  await under.recorder.record('a/b', Buffer.from(payload)).durable;
  expect(await linesOf(folder.path, '2025-11-12_Sensor_1.jsonl')).toEqual([Buffer.from(payload)]);
});

test('a format that fails at a message does not keep it from being recorded', async () => {
  await using folder = await temporaryFolder();
  await using under = await recording(folder.path);
  await under.record('a/failing', '1', 1, QOS_1);
  const [line] = await linesOf(folder.path, '2025-11-12_@a%2Ffailing.jsonl');
  expect(readEnvelope(line!)).toMatchObject({ topic: 'a/failing', packetId: 1 });
});
