import { describe, expect, test } from 'vitest';
import { type Micros, parseTime, utc, zoneOf } from '../../../../base/time.ts';
import { UNKNOWN_ARRIVAL } from '../../../../collector/payload/decoder.ts';
import { MAX_PAYLOAD_BYTES, numberOf, storable } from '../../../../collector/payload/reading.ts';
import { SluiceDecoder } from '../../../../collector/payload/sluice-decoder.ts';
import { readTopics } from '../../../../collector/payload/topics-file.ts';

import { decoding } from '../decoding.ts';

const now = Date.UTC(2025, 10, 12, 10, 15) * 1000;
const decode = (payload: string | Buffer, arrival: Micros = now, zone = 'UTC') => {
  const decoded = new SluiceDecoder(zoneOf(zone)).decode('sensors/1', Buffer.from(payload), arrival);
  if (typeof decoded === 'string') return decoded;
  expect(decoded).toHaveLength(1);
  return decoded[0];
};
const time = parseTime('2025-11-12T10:15:01Z', zoneOf('UTC'));

test('a payload is decoded; further fields do no harm', () => {
  expect(decode('{"id": "Sensor 1", "dt": "2025-11-12T10:15:01Z", "value": 25, "battery": [3.6]}')).toEqual({
    sensorId: 'Sensor 1',
    time,
    value: 25,
  });
});

test('what is meant is plain behind a byte order mark, before NULs, and in the basic form', () => {
  const reading = decode('{"id": "a", "dt": "2025-11-12T10:15:01Z", "value": 1}');
  expect(decode('\ufeff{"id": "a", "dt": "2025-11-12T10:15:01Z", "value": 1}')).toEqual(reading);
  expect(decode('{"id": "a", "dt": "2025-11-12T10:15:01Z", "value": 1}\0\0')).toEqual(reading);
  expect(decode('{"id": "a", "dt": "20251112T101501Z", "value": 1}')).toEqual(reading);
});

test('whether the value can be stored is not asked when recording', () => {
  for (const value of ['"warm"', 'null', '1e400', '[]']) {
    expect(decode(`{"id": "a", "dt": "2025-11-12", "value": ${value}}`)).toMatchObject({ sensorId: 'a' });
  }
  expect(decode('{"id": "a", "dt": "2025-11-12"}')).toMatchObject({ sensorId: 'a', value: undefined });
});

test('a dt without an offset is taken in the zone', () => {
  expect(decode('{"id": "a", "dt": "2025-11-12T11:15:01"}', now, 'Europe/Berlin')).toMatchObject({
    time,
  });
});

test.each([
  ['', 'empty'],
  ['\0', 'empty'],
  ['{"id": "a", "dt": "2025-11-12"}\0}', 'not JSON'],
  ['{"id": "a", "dt": "2025-W46-3T10:15"}', 'dt is a week date, which is not taken'],
  ['{"id": "a", "dt": "2025-316"}', 'dt is an ordinal date, which is not taken'],
  ['{"id": "a", "dt": ', 'not JSON'],
  ['25', 'not a JSON object'],
  ['null', 'not a JSON object'],
  ['[{"id": "a", "dt": "2025-11-12"}]', 'not a JSON object'],
  ['{"dt": "2025-11-12"}', 'id is missing'],
  ['{"id": null, "dt": "2025-11-12"}', 'id is missing'],
  ['{"id": 1, "dt": "2025-11-12"}', 'id is not a string'],
  ['{"id": "", "dt": "2025-11-12"}', 'id is not 1 to 50 characters long'],
  [`{"id": "${'a'.repeat(51)}", "dt": "2025-11-12"}`, 'id is not 1 to 50 characters long'],
  [`{"id": "${'🌡'.repeat(51)}", "dt": "2025-11-12"}`, 'id is not 1 to 50 characters long'],
  ['{"id": "a\\u0000", "dt": "2025-11-12"}', 'id holds a control character'],
  ['{"id": "a\\nb", "dt": "2025-11-12"}', 'id holds a control character'],
  ['{"id": "\\u0085", "dt": "2025-11-12"}', 'id holds a control character'],
  ['{"id": "\\ud83c", "dt": "2025-11-12"}', 'id holds half a surrogate pair'],
  ['{"id": "a"}', 'dt is missing'],
  ['{"id": "a", "dt": 1762942501}', 'dt is not a string'],
  ['{"id": "a", "dt": "yesterday"}', 'dt is not an ISO 8601 date and time'],
  ['{"id": "a", "dt": "1999-12-31T23:59:59.999999Z"}', 'dt is before 2000'],
  ['{"id": "a", "dt": "2200-01-01T00:00:00Z"}', 'dt is after 2199'],
  ['{"id": "a", "dt": "2025-11-13T10:15:00.000001Z"}', 'dt is more than a day ahead'],
  [Buffer.from([0x7b, 0xff, 0x7d]), 'not UTF-8'],
])('%s: %s', (payload, reason) => {
  expect(decode(payload)).toBe(reason);
});

test('limits belong to the allowed side', () => {
  for (const id of ['a'.repeat(50), '🌡'.repeat(50), '../../etc/passwd', '__proto__', '\u2028']) {
    expect(decode(JSON.stringify({ id, dt: '2025-11-12' }))).toMatchObject({ sensorId: id });
  }
  for (const dt of ['2000-01-01T00:00:00Z', '2025-11-13T10:15:00Z']) {
    expect(decode(JSON.stringify({ id: 'a', dt }))).toMatchObject({ sensorId: 'a' });
  }
  const reading = '{"id": "a", "dt": "2025-11-12"}';
  expect(decode(reading.padEnd(MAX_PAYLOAD_BYTES))).toMatchObject({ sensorId: 'a' });
  expect(decode(reading.padEnd(MAX_PAYLOAD_BYTES + 1))).toBe('larger than 262144 bytes');
});

test('a line is decoded without a clock, so that a replay decides as the recording did', () => {
  expect(decode('{"id": "a", "dt": "2199-12-31T23:59:59.999999Z"}', UNKNOWN_ARRIVAL)).toMatchObject({
    sensorId: 'a',
  });
});

describe('numberOf', () => {
  test.each([0, -0, 25, -5e-324, 1.7976931348623157e308])('%d can be stored', value => {
    expect(numberOf(value)).toBe(value);
  });

  test.each([
    [undefined, 'value is missing'],
    [null, 'value is not a number'],
    ['25', 'value is not a number'],
    [true, 'value is not a number'],
    [JSON.parse('1e400'), 'value is not a finite number'],
  ])('%s: %s', (value, reason) => {
    expect(numberOf(value)).toBe(reason);
  });
});

test('a part of a message that has a problem of its own is not stored, whatever its value', () => {
  expect(storable({ sensorId: 'a', time: 0, value: 1 })).toBe(1);
  expect(storable({ sensorId: 'a', time: 0, value: '1' })).toBe('value is not a number');
  expect(storable({ sensorId: '', time: 0, value: 1, problem: 'time is missing' })).toBe('time is missing');
});

test('an entry may take what is not quite of the form', () => {
  const loose = decoding(`topics:
  - filter: "#"
    missing_dt: arrival
    numeric_ids: true
    unix_dt: true
    arrays: true
    ndjson: true`);
  expect(loose('a', { id: 7, value: 1 })).toEqual(['7 1 now']);
  expect(loose('a', { id: 'a', dt: 1762941600, value: 1 })).toEqual(['a 1 2025-11-12T10:00:00Z']);
  expect(loose('a', '[{"id": "a", "value": 1}, {"id": "a", "value": 2}]')).toEqual([
    'a 1 now',
    'a 2 2025-11-12T10:15:01.000002Z',
  ]);
  expect(loose('a', '{"id": "a", "value": 1}\n\n{"id": \n[1]\n{"id": "b", "value": 2}\n')).toEqual([
    'a 1 now',
    ' not JSON now',
    ' not a JSON object now',
    'b 2 now',
  ]);
  expect(loose('a', '{"id": "a"')).toBe('not JSON');
  expect(loose('a', '')).toEqual([]);
  const strict = decoding('topics: [{filter: "#", ndjson: true}]');
  expect(strict('a', { id: 7, dt: '2025-11-12', value: 1 })).toBe('id is not a string');
  expect(strict('a', { id: 'a', value: 1 })).toBe('dt is missing');
  expect(strict('a', '[1]')).toBe('not a JSON object');
});

describe('ids that are bound to topics', () => {
  const at = parseTime('2025-11-12T10:15:00Z', utc)!;
  const message = (id: string, dt = '2025-11-12T10:15:00Z') => JSON.stringify({ id, dt, value: 1 });
  const decoded = (yaml: string, topic: string, payload: string) => {
    const { decoder } = readTopics(`topics: [${yaml}]`, { zone: 'UTC' }).find(topic)!;
    const readings = decoder.decode(topic, Buffer.from(payload), at);
    return typeof readings === 'string'
      ? readings
      : readings.map(({ sensorId, problem }) => problem ?? sensorId);
  };

  test('a device sends under its own id, and under no other', () => {
    const yaml = '{ filter: "sensors/{device}", ids: "Sensor {device}" }';
    expect(decoded(yaml, 'sensors/1', message('Sensor 1'))).toEqual(['Sensor 1']);
    expect(decoded(yaml, 'sensors/1', message('Sensor 2'))).toBe('id is not one that this topic may send');
    expect(decoded(yaml, 'sensors/1', message('Sensor 11'))).toBe('id is not one that this topic may send');
    // What is ahead of the clock may be decided again, and without its topic.
    expect(decoded(yaml, 'sensors/1', message('Sensor 2', '2025-12-24T10:15:00Z'))).toBe(
      'id is not one that this topic may send',
    );
    expect(decoded(yaml, 'sensors/1', message('Sensor 1', '2025-12-24T10:15:00Z'))).toBe(
      'dt is more than a day ahead',
    );
    const entry = readTopics(`topics: [${yaml}]`, { zone: 'UTC' }).find('sensors/1')!;
    expect(entry).toMatchObject({ hasEnvelope: false, hasOwnTime: true });
    // The form that is known by sight says nothing of the topic.
    expect(entry.decoder.common).toBeUndefined();
  });

  test('several ids, and whatever begins so; each item of an array by itself', () => {
    const yaml = '{ filter: "p/{device}/#", arrays: true, ids: ["{device}", "{device}/*"] }';
    const items = ['a', 'a/t', 'ab', 'b'].map(id => JSON.parse(message(id)));
    expect(decoded(yaml, 'p/a/x', JSON.stringify(items))).toEqual([
      'a',
      'a/t',
      'id is not one that this topic may send',
      'id is not one that this topic may send',
    ]);
  });

  test('what is wrong with them is told', () => {
    const wrong = (ids: string) => () =>
      readTopics(`topics: [{ filter: "s/{d}", ids: ${ids} }]`, { zone: 'UTC' });
    expect(wrong('"{x}"')).toThrow('ids must name only what there is');
    expect(wrong('"{d}/{path}"')).toThrow('ids must be made of the topic only');
    expect(wrong('[]')).toThrow('ids must');
  });
});
