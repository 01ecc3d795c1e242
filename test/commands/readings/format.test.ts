import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseTime, zoneOf } from '../../../base/time.ts';
import { readingBatches } from '../../../collector/silver/readings.ts';
import { formatReadings, type ReadingsFormat } from '../../../commands/readings/format.ts';
import { connect } from '../../../db/connect.ts';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';

const utc = zoneOf('UTC');
const range = { from: parseTime('2025-11-12', utc)!, to: parseTime('2025-11-13', utc)! };
const ODD = 'a,"b" 🌡';
let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await newDatabase();
  await database.query(
    `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality, late, stuck, jump) VALUES
       ('2025-11-12T10:00:00Z', $1, 25, 'valid', false, false, false),
       ('2025-11-12T10:00:01.5Z', $1, 0.1::float8 + 0.2, 'valid', true, false, true),
       ('2025-11-12T10:00:02Z', $1, -123456789012345680000, 'out_of_range', false, true, false),
       ('2025-11-12T10:00:03Z', $1, 1e21, 'valid', false, false, false),
       ('2025-11-12T10:00:04Z', $1, -2.5e-7, 'unknown_sensor', false, false, true),
       ('2025-11-12T10:00:05Z', $1, '-0', 'valid', false, false, false)`,
    [ODD],
  );
  client = await connect(database.url, 'readings format test', () => undefined);
});
afterAll(async () => {
  await client?.end();
  await database?.drop();
});

/** What `sluice readings` writes where a batch has two readings. */
async function written(format: ReadingsFormat, unit: string | null, sensorId = ODD): Promise<string> {
  const batches = readingBatches(client, { sensorId, ...range }, { batchRows: 2 });
  let text = '';
  for await (const part of formatReadings(batches, format, unit)) text += part;
  return text;
}

test('NDJSON has types, and is nothing where there is no reading', async () => {
  expect(await written('ndjson', null)).toBe(
    [
      '{"time":"2025-11-12T10:00:00Z","sensor_id":"a,\\"b\\" 🌡","value":25,"unit":null,"quality":"valid","late":false,"stuck":false,"jump":false,"inexact":false}',
      '{"time":"2025-11-12T10:00:01.500000Z","sensor_id":"a,\\"b\\" 🌡","value":0.30000000000000004,"unit":null,"quality":"valid","late":true,"stuck":false,"jump":true,"inexact":false}',
      '{"time":"2025-11-12T10:00:02Z","sensor_id":"a,\\"b\\" 🌡","value":-123456789012345680000,"unit":null,"quality":"out_of_range","late":false,"stuck":true,"jump":false,"inexact":false}',
      '{"time":"2025-11-12T10:00:03Z","sensor_id":"a,\\"b\\" 🌡","value":1e+21,"unit":null,"quality":"valid","late":false,"stuck":false,"jump":false,"inexact":false}',
      '{"time":"2025-11-12T10:00:04Z","sensor_id":"a,\\"b\\" 🌡","value":-2.5e-7,"unit":null,"quality":"unknown_sensor","late":false,"stuck":false,"jump":true,"inexact":false}',
      '{"time":"2025-11-12T10:00:05Z","sensor_id":"a,\\"b\\" 🌡","value":0,"unit":null,"quality":"valid","late":false,"stuck":false,"jump":false,"inexact":false}',
      '',
    ].join('\n'),
  );
  expect(await written('ndjson', '°C')).toContain('"unit":"°C"');
  expect(await written('ndjson', '°C', 'nobody')).toBe('');
});

test('CSV has one header for all batches, all digits, and nothing for no unit', async () => {
  const lines = [
    'time,sensor_id,value,unit,quality,late,stuck,jump,inexact',
    '2025-11-12T10:00:00Z,"a,""b"" 🌡",25,,valid,false,false,false,false',
    '2025-11-12T10:00:01.500000Z,"a,""b"" 🌡",0.30000000000000004,,valid,true,false,true,false',
    '2025-11-12T10:00:02Z,"a,""b"" 🌡",-123456789012345680000,,out_of_range,false,true,false,false',
    '2025-11-12T10:00:03Z,"a,""b"" 🌡",1e+21,,valid,false,false,false,false',
    '2025-11-12T10:00:04Z,"a,""b"" 🌡",-2.5e-7,,unknown_sensor,false,false,true,false',
    '2025-11-12T10:00:05Z,"a,""b"" 🌡",0,,valid,false,false,false,false',
  ];
  expect(await written('csv', null)).toBe(`${lines.join('\n')}\n`);
  expect(await written('csv', 'l/s, "net"')).toContain(',25,"l/s, ""net""",valid,');
  expect(await written('csv', '°C', 'nobody')).toBe(`${lines[0]}\n`);
});

test('a table is as wide as its first batch asks, and a wider value moves its line only', async () => {
  expect(await written('table', '°C')).toBe(
    [
      'time                         sensor_id                value  unit  quality  late  stuck  jump  inexact',
      '---------------------------  ---------  -------------------  ----  -------  ----  -----  ----  -------',
      '2025-11-12T10:00:00Z         a,"b" 🌡                     25  °C    valid',
      '2025-11-12T10:00:01.500000Z  a,"b" 🌡    0.30000000000000004  °C    valid    yes          yes',
      '2025-11-12T10:00:02Z         a,"b" 🌡    -123456789012345680000  °C    out_of_range        yes',
      '2025-11-12T10:00:03Z         a,"b" 🌡                  1e+21  °C    valid',
      '2025-11-12T10:00:04Z         a,"b" 🌡                -2.5e-7  °C    unknown_sensor               yes',
      '2025-11-12T10:00:05Z         a,"b" 🌡                      0  °C    valid',
      '(6 readings)',
      '',
    ].join('\n'),
  );
  expect(await written('table', null, 'nobody')).toBe(
    [
      'time  sensor_id  value  unit  quality  late  stuck  jump  inexact',
      '----  ---------  -----  ----  -------  ----  -----  ----  -------',
      '(0 readings)',
      '',
    ].join('\n'),
  );
});

test('nothing in a table can turn the terminal', async () => {
  const text = await written('table', '\u001b[2J');
  expect(text).not.toContain('\u001b');
  expect(text).toContain('  \\u001b[2J  ');
});

test.each<ReadingsFormat>(['ndjson', 'csv', 'table'])(
  '%s writes each batch before it asks for the next, and nothing before the first',
  async format => {
    const selection = { sensorId: ODD, ...range };
    let asked = 0;
    async function* batches() {
      for await (const batch of readingBatches(client, selection, { batchRows: 2 })) {
        asked++;
        yield batch;
      }
    }
    // How many batches had been asked for when a part came, and the readings in it.
    const parts: { asked: number; readings: number }[] = [];
    for await (const part of formatReadings(batches(), format, null)) {
      parts.push({ asked, readings: part.match(/2025-11-12T/g)?.length ?? 0 });
    }
    expect(parts[0]!.asked).toBe(1);
    expect(parts.filter(({ readings }) => readings > 0)).toEqual([
      { asked: 1, readings: 2 },
      { asked: 2, readings: 2 },
      { asked: 3, readings: 2 },
    ]);
  },
);
