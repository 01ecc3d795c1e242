import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FileMemory } from '../../../../collector/payload/memory.ts';
import { numberOf } from '../../../../collector/payload/sparkplug-payload.ts';
import { readTopics } from '../../../../collector/payload/topics-file.ts';
import { temporaryFolder } from '../../../harness/server.ts';
import { decoding } from '../decoding.ts';
import { sparkplugMessage } from '../sparkplug-message.ts';

const yaml = 'topics: [{filter: "spBv1.0/#", format: sparkplug, map: {"true": 1, "false": 0}}]';
const timestamp = Date.UTC(2025, 10, 12, 10);
const birth = sparkplugMessage({
  timestamp,
  seq: 0,
  metrics: [
    { name: 'bdSeq', datatype: 4, long_value: 3 },
    { name: 'Node Control/Rebirth', datatype: 11, boolean_value: false },
    {
      name: 'Temperature',
      alias: 1,
      datatype: 9,
      float_value: 21.3,
      properties: { keys: ['quality', 'engUnit'], values: [{}, { string_value: '°C' }] },
    },
    { name: 'Level', alias: 2, datatype: 3, int_value: 0xffffffff },
    { name: 'Running', alias: 3, datatype: 11, boolean_value: true },
    { name: 'Label', alias: 4, datatype: 12, string_value: 'pump' },
    { name: 'Nothing', alias: 5, datatype: 10, is_null: true },
  ],
});

test('a birth holds readings, under the names of its metrics', () => {
  expect(decoding(yaml)('spBv1.0/Plant/DBIRTH/Edge/Pump', birth)).toEqual([
    'Plant/Edge/Pump/Temperature 21.3 °C 2025-11-12T10:00:00Z',
    'Plant/Edge/Pump/Level -1 2025-11-12T10:00:00Z',
    'Plant/Edge/Pump/Running 1 2025-11-12T10:00:00Z',
  ]);
});

test('data name metrics by the aliases of the birth, at their own times', () => {
  const decode = decoding(yaml);
  decode('spBv1.0/Plant/NBIRTH/Edge', birth);
  const data = {
    seq: 1,
    metrics: [
      { alias: 1, float_value: 22.5, timestamp: timestamp + 500 },
      { alias: 2, int_value: 7 },
    ],
  };
  expect(decode('spBv1.0/Plant/NDATA/Edge', sparkplugMessage(data))).toEqual([
    'Plant/Edge/Temperature 22.5 °C 2025-11-12T10:00:00.500000Z',
    'Plant/Edge/Level 7 now',
  ]);
  const named = { timestamp, seq: 2, metrics: [{ name: 'Level', int_value: 0xfffffffe }] };
  expect(decode('spBv1.0/Plant/NDATA/Edge', sparkplugMessage(named))).toEqual([
    'Plant/Edge/Level -2 2025-11-12T10:00:00Z',
  ]);
});

test('the notes beside a line are all that is needed to decode it, in another process', () => {
  const recorder = readTopics(yaml, { zone: 'UTC' }).find('spBv1.0/a/NDATA/b')!.decoder;
  const loader = readTopics(yaml, { zone: 'UTC' }).find('spBv1.0/a/NDATA/b')!.decoder;
  expect(recorder.annotate!('spBv1.0/P/NBIRTH/E', birth)).toBeUndefined();
  const data = sparkplugMessage({ timestamp, seq: 1, metrics: [{ alias: 1, float_value: 1 }] });
  const notes = recorder.annotate!('spBv1.0/P/NDATA/E', data);
  expect(notes).toEqual({ metrics: [['Temperature', 9, '°C']] });
  const recorded = JSON.parse(JSON.stringify(notes));
  expect(loader.decode('spBv1.0/P/NDATA/E', data, 0, recorded)).toMatchObject([
    { sensorId: 'P/E/Temperature', value: 1 },
  ]);
  expect(loader.decode('spBv1.0/P/NDATA/E', data, 0)).toBe('an alias that no birth before it explains');
});

test('an alias that no birth explains costs only its metric', () => {
  const decode = decoding(yaml);
  decode('spBv1.0/P/NBIRTH/E', birth);
  const metrics = [
    { alias: 99, float_value: 1 },
    { alias: 2, int_value: 5 },
    { name: 'New', int_value: 5 },
  ];
  expect(decode('spBv1.0/P/NDATA/E', sparkplugMessage({ timestamp, seq: 1, metrics }))).toEqual([
    ' an alias that no birth before it explains 2025-11-12T10:00:00Z',
    'P/E/Level 5 2025-11-12T10:00:00Z',
    ' a metric without a data type, that no birth before it explains 2025-11-12T10:00:00Z',
  ]);
  // Of another node.
  expect(
    decode('spBv1.0/P/NDATA/F', sparkplugMessage({ seq: 1, metrics: [{ alias: 1, float_value: 1 }] })),
  ).toBe('an alias that no birth before it explains');
});

test('a birth of the node forgets what was before; one of a device adds to it', () => {
  const decode = decoding(yaml);
  const one = (alias: number, name: string) =>
    sparkplugMessage({ timestamp, seq: 0, metrics: [{ alias, name, datatype: 10, double_value: 0 }] });
  const data = (alias: number) =>
    sparkplugMessage({ timestamp, seq: 1, metrics: [{ alias, double_value: 1 }] });
  decode('spBv1.0/P/NBIRTH/E', one(1, 'a'));
  decode('spBv1.0/P/DBIRTH/E/D', one(2, 'b'));
  expect(decode('spBv1.0/P/NDATA/E', data(1))).toEqual(['P/E/a 1 2025-11-12T10:00:00Z']);
  expect(decode('spBv1.0/P/DDATA/E/D', data(2))).toEqual(['P/E/D/b 1 2025-11-12T10:00:00Z']);
  decode('spBv1.0/P/NBIRTH/E', one(3, 'c'));
  expect(decode('spBv1.0/P/NDATA/E', data(1))).toBe('an alias that no birth before it explains');
});

test('what births said is remembered across restarts, also when the last line was torn', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'memory.jsonl');
  const data = sparkplugMessage({ timestamp, seq: 1, metrics: [{ alias: 1, float_value: 1 }] });
  decoding(yaml, { memory: new FileMemory(path) })('spBv1.0/P/NBIRTH/E', birth);
  appendFileSync(path, '["sparkplug P/F", {"alias');
  for (const _ of [1, 2]) {
    const decode = decoding(yaml, { memory: new FileMemory(path) });
    expect(decode('spBv1.0/P/NDATA/E', data)).toEqual(['P/E/Temperature 1 °C 2025-11-12T10:00:00Z']);
    expect(decode('spBv1.0/P/NDATA/F', data)).toBe('an alias that no birth before it explains');
  }
});

test('missing messages are noted, as far as sequence numbers tell', () => {
  const { decoder } = readTopics(yaml, { zone: 'UTC' }).find('spBv1.0/a/NDATA/b')!;
  const note = (type: string, seq: number) =>
    decoder.annotate!(
      `spBv1.0/P/${type}/E${type[0] === 'D' ? '/D' : ''}`,
      sparkplugMessage({ timestamp, seq }),
    );
  expect(note('NDATA', 7)).toBeUndefined();
  expect(note('NBIRTH', 0)).toBeUndefined();
  expect(note('DBIRTH', 1)).toBeUndefined();
  expect(note('NDATA', 2)).toBeUndefined();
  expect(note('NDATA', 2)).toBeUndefined();
  expect(note('DDATA', 5)).toEqual({ lost: 2 });
  expect(note('DDEATH', 255)).toEqual({ lost: 249 });
  expect(note('NDATA', 0)).toBeUndefined();
});

test('integers have their sign and all their bits', () => {
  const metrics = [
    { name: 'i8', datatype: 1, int_value: 0xff },
    { name: 'i16', datatype: 2, int_value: 0xfffffffe },
    { name: 'i64', datatype: 4, long_value: '18446744073709551615' },
    { name: 'u32', datatype: 7, int_value: 0xffffffff },
    { name: 'u64', datatype: 8, long_value: '18446744073709551615' },
    { name: 'date', datatype: 13, long_value: timestamp },
    { name: 'double', datatype: 10, double_value: 0.1 },
  ];
  expect(decoding(yaml)('spBv1.0/P/NDATA/E', sparkplugMessage({ timestamp, seq: 1, metrics }))).toEqual([
    'P/E/i8 -1 2025-11-12T10:00:00Z',
    'P/E/i16 -2 2025-11-12T10:00:00Z',
    'P/E/i64 -1 2025-11-12T10:00:00Z',
    'P/E/u32 4294967295 2025-11-12T10:00:00Z',
    'P/E/u64 18446744073709552000 2025-11-12T10:00:00Z',
    'P/E/double 0.1 2025-11-12T10:00:00Z',
  ]);
});

test.each([
  ['spBv1.0/P/NDEATH/E', Buffer.from([0xff]), []],
  ['spBv1.0/P/DDEATH/E/D', sparkplugMessage({ timestamp, seq: 9 }), []],
  ['spBv1.0/P/NCMD/E', birth, []],
  ['spBv1.0/STATE/host', Buffer.from('{"online": true}'), []],
  ['spBv1.0/P/DDATA/E/D', birth.subarray(0, birth.length - 3), 'not a payload of Sparkplug B'],
  ['spBv1.0/P/DDATA/E/D', Buffer.alloc(200_000, 0x0b), 'not a payload of Sparkplug B'],
  ['spBv1.0/P/DDATA/E/D', Buffer.alloc(300_000), 'larger than 262144 bytes'],
  ['spBv1.0/P/NDATA', birth, 'not a topic of Sparkplug B'],
  ['spBv1.0/P/DATA/E', birth, 'not a topic of Sparkplug B'],
])('%s', (topic, payload, expected) => {
  expect(decoding(yaml)(topic, payload)).toEqual(expected);
});

test('a float whose type says integer is taken as it is', () => {
  expect(numberOf(21.25, 3)).toBe(21.25);
  expect(numberOf(Number.NaN, 4)).toBe(Number.NaN);
  expect(numberOf(4294967295, 3)).toBe(-1);
});

test('no bytes make it throw', () => {
  const decode = decoding(yaml);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.tuple(fc.nat(birth.length - 1), fc.nat(255)).map(([at, byte]) => birth.with(at, byte)),
    fc.nat(birth.length).map(length => birth.subarray(0, length)),
  );
  fc.assert(
    fc.property(bytes, fc.constantFrom('NBIRTH', 'NDATA'), (payload, type) => {
      expect(decode(`spBv1.0/P/${type}/E`, Buffer.from(payload))).toBeDefined();
    }),
    { numRuns: 500 },
  );
});
