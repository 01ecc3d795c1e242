import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatInterval, parseInterval } from '../../../collector/silver/interval.ts';
import { sensorColumns } from '../../../collector/silver/registry.ts';
import { parseRegistry, RegistryError, readRegistry } from '../../../collector/silver/registry-file.ts';
import { Temperature } from '../../../generator/temperature.ts';
import { temporaryFolder } from '../../harness/server.ts';

const HEADER = 'sensor_id,quantity,unit,location,min_value,max_value';
const WHOLE = `${HEADER},expected_interval,max_step_per_s,max_stuck,attributes`;

const read = (...lines: string[]) => parseRegistry(Buffer.from(lines.join('\n')), 'sensors.csv');

function problemsOf(bytes: string | Buffer): string[] {
  try {
    parseRegistry(Buffer.from(bytes), 'sensors.csv');
  } catch (error) {
    expect(error).toBeInstanceOf(RegistryError);
    return (error as RegistryError).problems;
  }
  throw new Error('no mistake was found');
}
const problemsIn = (...lines: string[]) => problemsOf(lines.join('\n'));

describe('the registry that comes with Sluice', () => {
  test('can be read', async () => {
    const sensors = await readRegistry('db/sensors.csv');
    expect(sensors.map(sensor => [sensor.sensor_id, sensor.quantity, sensor.unit])).toEqual([
      ...[1, 2, 3, 4, 5].map(n => [`Sensor ${n}`, 'temperature', '°C']),
      ['Voltage', 'voltage', 'V'],
      ['Current', 'current', 'A'],
    ]);
    expect(sensors[0]).toEqual({
      sensor_id: 'Sensor 1',
      quantity: 'temperature',
      unit: '°C',
      location: 'Hall 1',
      min_value: 0,
      max_value: 45,
      expected_interval: '1s',
      max_step_per_s: 1,
      max_stuck: '5min',
    });
    expect(sensors.at(-1)!.location).toBe(sensors.at(-2)!.location);
  });

  test('finds nothing odd in a day of a healthy generated sensor', async () => {
    const [{ max_step_per_s, max_stuck }] = (await readRegistry('db/sensors.csv')) as unknown as [
      { max_step_per_s: number; max_stuck: string },
    ];
    expect(max_stuck).toBe('5min');
    for (let sensor = 1; sensor <= 5; sensor++) {
      const temperature = new Temperature(1, sensor);
      let last = Number.NaN;
      let since = 0;
      let [longest, steepest] = [0, 0];
      for (let second = 0; second < 86_400; second++) {
        const value = temperature.at(Date.UTC(2025, 10, 12) + second * 1000);
        if (second > 0) steepest = Math.max(steepest, Math.abs(value - last));
        if (value !== last) since = second;
        longest = Math.max(longest, second - since);
        last = value;
      }
      expect(steepest).toBeLessThan(max_step_per_s / 5);
      expect(longest).toBeLessThan(300 / 5);
    }
  });
});

test('what may be empty is empty; quotes and a byte order mark do no harm', () => {
  expect(read(`\uFEFF${HEADER}`, '"a, ""b""",flow,l/s,,,-1.5e3', '', 'c,flow,l/s,Yard,.5,')).toEqual([
    { sensor_id: 'a, "b"', quantity: 'flow', unit: 'l/s', location: null, min_value: null, max_value: -1500 },
    { sensor_id: 'c', quantity: 'flow', unit: 'l/s', location: 'Yard', min_value: 0.5, max_value: null },
  ]);
});

test('columns stand in any order; of one that is not there nothing is said', () => {
  expect(read('max_stuck,unit, quantity,min_value,max_value,sensor_id', 'PT1H,l/s,flow,,,a')).toEqual([
    { sensor_id: 'a', quantity: 'flow', unit: 'l/s', min_value: null, max_value: null, max_stuck: '1h' },
  ]);
  expect(read(WHOLE, 'a,flow,l/s,,,,,,,')[0]).toMatchObject({
    expected_interval: null,
    max_step_per_s: null,
    max_stuck: null,
    attributes: '{}',
  });
});

test('attributes are a JSON object, kept to the last digit', () => {
  const json = '{"serial":12345678901234567890,"maker":{"name":"Ä & Söhne"}}';
  const [sensor] = read(WHOLE, `a,flow,l/s,,,,,,,"${json.replaceAll('"', '""')}"`);
  expect(sensor!.attributes).toBe(json);
  const says = 'line 2: attributes must be empty or a JSON object, such as {"floor": 2}';
  for (const bad of ['1', '[]', 'null', '{', '{"a":"\\u0000"}', '{"\\ud800":1}', '{"a":1e999}']) {
    expect(problemsIn(WHOLE, `a,flow,l/s,,,,,,,"${bad.replaceAll('"', '""')}"`), bad).toEqual([says]);
  }
});

test('all mistakes are told at once, each with its line', () => {
  const problems = problemsIn(
    WHOLE,
    'a,flow,l/s,,0,1,1s,1,1min,',
    `${'b'.repeat(201)},flow,l/s,,0,1,,,,`,
    'c,,l/s,,low,,0s,0,-1s,',
    'd,flow,l/s,,2,1,,,soon,{',
    'a,flow,l/s,,0,1,,,,',
    'e,flow,l/s,,,Infinity,,-2,,',
    'f,flow,l/s',
    'g,flow"meter",l/s,,,,,,,',
    'h,flow,l/s,,,1e400,,,P1M,',
    'i,"flo"w,l/s,,,,,,,',
    'j,flow,l/s,,,,,,,',
  );
  const interval = 'must be empty or an interval longer than 0, such as 1s, 500ms, 5min, 2h, 1d or PT5M';
  expect(problems).toEqual([
    'line 3: sensor_id must be 1 to 200 characters, none of them a control character',
    'line 4: min_value must be a number or empty',
    `line 4: expected_interval ${interval}`,
    'line 4: max_step_per_s must be greater than 0, or empty',
    `line 4: max_stuck ${interval}`,
    `line 5: max_stuck ${interval}`,
    'line 5: attributes must be empty or a JSON object, such as {"floor": 2}',
    'line 5: min_value must not be greater than max_value',
    'line 6: sensor_id "a" stands twice',
    'line 7: max_value must be a number or empty',
    'line 7: max_step_per_s must be greater than 0, or empty',
    'line 8: has 3 fields; the first line has 10',
    expect.stringMatching(/^line 9: Invalid Opening Quote/),
    'line 10: max_value must be a number or empty',
    `line 10: max_stuck ${interval}`,
    expect.stringMatching(/^line 11: Invalid Closing Quote/),
  ]);
});

test('a limit that is not a number is reported once, not compared with the other one as well', () => {
  expect(problemsIn(HEADER, 'a,flow,l/s,,low,1')).toEqual(['line 2: min_value must be a number or empty']);
});

test('a file that is no registry says why', async () => {
  expect(problemsIn('sensor_id,quantity,min_value,max_value,max_stuk,quantity', 'a,flow')).toEqual([
    `line 1: unknown column "max_stuk"; did you mean "max_stuck"?; the columns are ${Object.keys(sensorColumns).join(', ')}`,
    'line 1: column quantity stands twice',
    'line 1: column unit is missing',
  ]);
  expect(problemsOf('')).toHaveLength(5);
  expect(problemsIn(HEADER, 'a,flow')).toEqual(['line 2: has 2 fields; the first line has 6']);
  await expect(readRegistry('/nowhere/sensors.csv')).rejects.toThrow(/nowhere.*ENOENT/s);
});

test('a file that is not UTF-8 says in which lines', () => {
  const latin1 = Buffer.from(`${HEADER}\na,temperature,°C,,,\nb,flow,l/s,,,\nc,temperature,°C,,,`, 'latin1');
  expect(problemsOf(latin1)).toEqual(['line 2: is not UTF-8', 'line 4: is not UTF-8']);
  expect(problemsOf(Buffer.from(`\uFEFF${HEADER}\n`, 'utf16le'))).toContain('line 1: is not UTF-8');
});

test('without a file there is no sensor', async () => {
  expect(await readRegistry(null)).toEqual([]);
});

test('a file is read by its name', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'sensors.csv');
  await writeFile(file, `${HEADER}\na,flow,l/s,,,`);
  expect(await readRegistry(file)).toHaveLength(1);
});

describe('intervals', () => {
  test.each([
    ['1s', '1s'],
    ['1', '1s'],
    ['.5', '500ms'],
    ['500ms', '500ms'],
    ['0.5 min', '30s'],
    ['90min', '90min'],
    ['60min', '1h'],
    ['24h', '1d'],
    ['1.5d', '36h'],
    ['1us', '1us'],
    ['1µs', '1us'],
    ['PT5M', '5min'],
    ['PT0.25S', '250ms'],
    ['P1DT12H', '36h'],
    ['P2W', '14d'],
  ])('%s is %s', (text, spelt) => expect(parseInterval(text)).toBe(spelt));

  test.each([
    '',
    '0',
    '0s',
    '-1s',
    '1 fortnight',
    'P',
    'PT',
    'P1M',
    'P1Y',
    'PT1',
    'PT1.2.3S',
    '1e3',
    '1S',
    '200000d',
  ])('%j is none', text => expect(parseInterval(text)).toBeUndefined());

  test('what is spelt reads back as the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), micros => {
        expect(parseInterval(formatInterval(micros))).toBe(formatInterval(micros));
      }),
    );
  });
});
