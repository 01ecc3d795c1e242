import { basename, dirname, resolve } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTime, zoneOf } from '../../../base/time.ts';
import { RawFileName, safeName } from '../../../collector/bronze/raw-file-name.ts';

const keyOf = (id: string, at: number) => RawFileName.ofReading(id, at).key;
const time = parseTime('2025-11-12T10:15:01Z', zoneOf('UTC'))!;

/** Every id that is recorded: 1 to 50 characters, no control character, no half of a surrogate pair. */
const anyId = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 50 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 50 }) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom(...'_ ~%.5F1/\\'), minLength: 1, maxLength: 8 }),
  },
  { weight: 1, arbitrary: fc.constantFrom('🌡', 'ü').map(character => character.repeat(50)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '../../etc/passwd',
      'CON',
      'NUL',
      'Sensor 1',
      'Sensor_1',
      '..',
      '.',
      '/',
      'a\\b',
    ),
  },
);
const sensorId = anyId.filter(id => !/\p{Cc}/u.test(id) && id.isWellFormed() && [...id].length <= 50);

test('no id leaves the folder, and every name fits a file system, also when it is compressed', () => {
  fc.assert(
    fc.property(sensorId, id => {
      const name = keyOf(id, time);
      expect(basename(name)).toBe(name);
      expect(dirname(resolve('/data/raw', name))).toBe('/data/raw');
      expect(name).toMatch(/^2025-11-12_[A-Za-z0-9._%~-]+\.jsonl$/);
      expect(Buffer.byteLength(`${name}.gz`)).toBeLessThanOrEqual(255);
      expect(RawFileName.ofKey(name)?.mayHold(id)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('no two ids share a file', () => {
  fc.assert(
    fc.property(fc.uniqueArray(sensorId, { minLength: 2, maxLength: 20 }), ids => {
      // An id that looks like another one's encoding is an id of its own.
      const all = new Set([...ids, ...ids.map(safeName).filter(id => id.length <= 50)]);
      expect(new Set([...all].map(id => keyOf(id, time))).size).toBe(all.size);
    }),
    { numRuns: 1000 },
  );
});

test('long ids that begin alike stay apart', () => {
  const names = Array.from({ length: 50 }, (_, index) => '🌡'.repeat(index + 1)).map(safeName);
  expect(new Set(names).size).toBe(50);
  expect(Math.max(...names.map(name => name.length))).toBe(200);
});

test.each([
  ['Sensor 1', '2025-11-12_Sensor_1.jsonl'],
  ['Sensor_1', '2025-11-12_Sensor%5F1.jsonl'],
  ['../../etc/passwd', '2025-11-12_..%2F..%2Fetc%2Fpasswd.jsonl'],
  ['CON', '2025-11-12_CON.jsonl'],
  ['ü~*', '2025-11-12_%C3%BC%7E%2A.jsonl'],
])('%s is recorded in %s', (id, name) => {
  expect(keyOf(id, time)).toBe(name);
});

test('the date is that of the reading, in UTC', () => {
  const late = parseTime('2025-11-13T00:30:00+01:00', zoneOf('UTC'))!;
  expect(keyOf('Sensor 1', late)).toBe('2025-11-12_Sensor_1.jsonl');
});

test.each([
  'notes.txt',
  '.probe',
  '2025-11-12_Sensor_1.jsonl.gz',
  '2025-11-12_.jsonl',
  'x2025-11-12_a.jsonl',
])('%s is no raw file', name => expect(RawFileName.ofKey(name)).toBeUndefined());

test('a name says whose lines the file holds, of which day, and in which form', () => {
  const { name, form } = RawFileName.parse('2025-11-12_Sensor_1.jsonl.gz')!;
  expect(form).toBe('compressed');
  expect(name.key).toBe('2025-11-12_Sensor_1.jsonl');
  expect(name).toMatchObject({
    date: '2025-11-12',
    partition: 'Sensor_1',
    isOfSensor: true,
    holdsEnvelopes: false,
  });
  expect(name.day).toBe(Date.UTC(2025, 10, 12) / 1000);
  expect(name.path).toBe('raw/2025-11-12_Sensor_1.jsonl');
  expect(name.lateMarks).toBe('raw/2025-11-12_Sensor_1.late');
});

test('the file of a topic cannot be taken for that of a sensor', () => {
  const name = RawFileName.ofMessage('zigbee2mqtt/Küche', time);
  expect(name.key).toBe('2025-11-12_@zigbee2mqtt%2FK%C3%BCche.jsonl');
  expect(RawFileName.ofKey(name.key)).toMatchObject({
    holdsEnvelopes: true,
    isOfSensor: false,
    date: '2025-11-12',
  });
  fc.assert(
    fc.property(sensorId, id => {
      expect(RawFileName.ofReading(id, time).holdsEnvelopes).toBe(false);
    }),
  );
});

test('a file of an hour is of a collector and may hold any sensor', () => {
  const name = RawFileName.ofHour('sluice-1', time);
  expect(name.key).toBe('2025-11-12T10_@@sluice-1.jsonl');
  const begin = Date.UTC(2025, 10, 12, 10) / 1000;
  expect(RawFileName.ofKey(name.key)).toMatchObject({
    ...{
      date: '2025-11-12',
      partition: '@@sluice-1',
      isOfHour: true,
      isOfSensor: false,
      holdsEnvelopes: false,
    },
    ...{ begin, end: begin + 3600 },
  });
  expect(name.mayHold('Sensor 1')).toBe(true);
  expect(name.apart('sluice-1').key).toMatch(/^2025-11-12T10_@@sluice-1~[0-9a-f]{64}\.jsonl$/);
});

test('messages as they came have a file of their own for each hour', () => {
  const name = RawFileName.ofHourMessages('sluice-1', time);
  expect(name.key).toBe('2025-11-12T10_@@@sluice-1.jsonl');
  expect(RawFileName.ofKey(name.key)).toMatchObject({
    isOfHour: true,
    isOfSensor: false,
    holdsEnvelopes: true,
  });
});
