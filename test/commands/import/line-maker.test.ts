import '../../harness/seed.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { utc, zoneOf } from '../../../base/time.ts';
import { canonicalLine } from '../../../collector/payload/canonical.ts';
import { SluiceDecoder } from '../../../collector/payload/sluice-decoder.ts';
import { LineMaker } from '../../../commands/import/line-maker.ts';
import { Mapping } from '../../../commands/import/mapping.ts';
import { fileOf } from './files.ts';

const now = Date.UTC(2026, 10, 26, 12);
const makerOf = (zone = utc, mapping?: Mapping) => new LineMaker({ mapping, zone, unit: 'auto', now });
const decoder = new SluiceDecoder(utc);

/** What a line says: `[id, micros, value]`. */
function said(made: ReturnType<LineMaker['make']>): unknown[] | string {
  if (typeof made !== 'string') return made.problem;
  const decoded = decoder.decode('', Buffer.from(made), now * 1000);
  if (typeof decoded === 'string') return `the line is rejected: ${decoded}`;
  return [decoded[0].sensorId, decoded[0].time, decoded[0].value];
}

const at = Date.UTC(2012, 11, 31, 23, 7) * 1000;

test.each<[unknown, number]>([
  ['2012-12-31T23:07:00+00', at],
  ['2012-12-31 23:07:00+00:00', at],
  ['2012-12-31 23:07:00 UTC', at],
  ['2012-12-31 23:07:00', at],
  ['2012-12-31T23:07:00.123456Z', at + 123_456],
  ['2012-12-31T23:07:00.123456789Z', at + 123_456],
  ['2013-01-01T00:07:00+01:00', at],
  ['20121231T230700Z', at],
  ['1356995220', at],
  [1356995220, at],
  [1356995220.5, at + 500_000],
  ['1356995220000', at],
  [1356995220000000n, at],
  ['1356995220000000000', at],
])('the time %s', (time, micros) => {
  expect(said(makerOf().make('a', time, '1'))).toEqual(['a', micros, 1]);
});

test('a time without an offset is in the zone', () => {
  const make = (time: string) => said(makerOf(zoneOf('Europe/Berlin')).make('a', time, '1'));
  expect(make('2013-01-01 00:07:00')).toEqual(['a', at, 1]);
  expect(make('2012-12-31 23:07:00Z')).toEqual(['a', at, 1]);
});

test.each<[unknown, unknown, unknown, string]>([
  ['', at, 1, 'sensor is missing'],
  [{}, at, 1, 'sensor is not a text'],
  ['a'.repeat(51), at, 1, 'id is not 1 to 50 characters long'],
  ['a', '', 1, 'time is missing'],
  ['a', '2012-02-30T00:00:00Z', 1, 'time is not an ISO 8601 date and time'],
  ['a', '2012-12-31T24:07:00Z', 1, 'time is not an ISO 8601 date and time'],
  ['a', '1999-12-31T23:59:59Z', 1, 'time is before 2000'],
  ['a', '2026-11-28T12:00:00Z', 1, 'time is more than a day ahead'],
  ['a', at, '', 'value is missing'],
  ['a', at, null, 'value is missing'],
  ['a', at, 'NaN', 'value is not a number'],
  ['a', at, '1,5', 'value is not a number'],
  ['a', at, '0x1F', 'value is not a number'],
  ['a', at, '1e999', 'value is not a finite number'],
  ['a', at, Number.POSITIVE_INFINITY, 'value is not a finite number'],
  ['a', at, true, 'value is not a number'],
])('%j, %j, %j: %s', (sensor, time, value, problem) => {
  expect(said(makerOf().make(sensor, time, value))).toBe(problem);
});

test.each<[unknown, number]>([
  [' 1.5 ', 1.5],
  ['+1', 1],
  ['.5', 0.5],
  ['5.', 5],
  ['1E-3', 0.001],
  ['007', 7],
  ['-0', -0],
  ['123456789012345678901234567890', 1.2345678901234568e29],
  [42n, 42],
  [1e21, 1e21],
])('the value %s', (text, value) => {
  expect(said(makerOf().make('a', at, text))).toEqual(['a', at, value]);
});

test('lines have the form that recorder and loader read fastest', () => {
  const made = makerOf().make('sensor_00007', '2012-12-31 23:07:00+00', '1.5');
  expect(made).toBe('{"id":"sensor_00007","dt":"2012-12-31T23:07:00Z","value":1.5}');
  expect(canonicalLine(`${made}\n`, 0)).not.toBeNull();
});

test('a time that is read by its looks is the time that it says', () => {
  const maker = makerOf();
  // UTC, which does not look like it.
  const slow = makerOf(zoneOf('Etc/GMT+0'));
  fc.assert(
    fc.property(
      fc.date({ min: new Date(Date.UTC(1998, 0)), max: new Date(Date.UTC(2027, 0)), noInvalidDate: true }),
      fc.constantFrom('T', ' '),
      fc.stringMatching(/^(?:\.\d{1,7})?$/),
      fc.constantFrom('Z', '+00', '+00:00', '', ' UTC', '+02:00', '-07', 'X'),
      (date, between, fraction, end) => {
        const text = `${date.toISOString().slice(0, 10)}${between}${date.toISOString().slice(11, 19)}${fraction}${end}`;
        const [quick, long] = [said(maker.make('a', text, '1')), said(slow.make('a', text, '1'))];
        const padded = said(maker.make('a', ` ${text}`, '1'));
        expect(quick).toEqual(padded);
        expect(quick).toEqual(long);
      },
    ),
  );
});

test('sensors by id and by name; others as they are', async () => {
  const mapping = await Mapping.read(
    fileOf('sensor_name,sensor_uuid\nsensor_00007,uuid-7\n"Hall, left",uuid-8\n'),
  );
  const maker = makerOf(utc, mapping);
  const id = (called: unknown) => (said(maker.make(called, at, 1)) as unknown[])[0];
  expect(['uuid-7', 'sensor_00007', ' Hall, left ', 'stranger', 12].map(id)).toEqual([
    'uuid-7',
    'uuid-7',
    'uuid-8',
    'stranger',
    '12',
  ]);
  expect([...maker.unknown]).toEqual(['stranger', '12']);
});

test('a mapping with mistakes is refused with all of them', async () => {
  const text = 'sensor_name,sensor_uuid\na,1\nb,1\na,2\n,3\n';
  await expect(Mapping.read(fileOf(text))).rejects.toThrow(
    'The mapping memory cannot be used:\n' +
      '  line 3: 1 is called "a" and "b"\n' +
      '  line 4: "a" names 1 and 2\n' +
      '  line 5: name is not 1 to 200 characters without control characters',
  );
  await expect(Mapping.read(fileOf('name,unit\na,1\n'))).rejects.toThrow(
    'there is no column for the id of sensors',
  );
});
