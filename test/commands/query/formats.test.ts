import { parse } from 'csv-parse/sync';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Answer } from '../../../commands/output/answer.ts';
import { csv, json } from '../../../commands/output/machine-formats.ts';
import { table } from '../../../commands/output/table.ts';
import { ask } from '../../../commands/query/answer.ts';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await newDatabase({ migrated: false });
  client = new pg.Client(database.url);
  await client.connect();
  await client.query("SET TIME ZONE 'UTC'");
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

async function written(format: (answer: Answer) => AsyncIterable<string>, sql: string): Promise<string> {
  let text = '';
  for await (const part of format(await ask(client, { text: sql, values: [] }))) text += part;
  return text;
}

const everything = `
  SELECT * FROM (VALUES
    (timestamptz '2025-11-12 11:15:01.5+01', date '2025-11-12', 20.1::float8 + 0.2, 9007199254740993, 1.50, true,
     interval '26:00:00', '{"a": [1]}'::jsonb, E'a,"b"\\nc', NULL::text),
    (timestamptz '1999-12-31 23:59:59Z', NULL, 'NaN', -1, NULL, false, NULL, NULL, '=1+1', '')
  ) v ("time", day, mean, n, score, late, held, more, said, nothing)`;

test('a table is aligned, its numbers to the right, and nothing in it can turn the terminal', async () => {
  expect(await written(table, everything)).toBe(
    [
      ' time                   | day        | mean | n                | score | late  | held     | more       | said         | nothing',
      '------------------------+------------+------+------------------+-------+-------+----------+------------+--------------+---------',
      ' 2025-11-12T10:15:01.5Z | 2025-11-12 | 20.3 | 9007199254740993 |  1.50 | true  | 26:00:00 | {"a": [1]} | a,"b"\\u000ac |',
      ' 1999-12-31T23:59:59Z   |            |  NaN |               -1 |       | false |          |            | =1+1         |',
      '(2 rows)',
      '',
    ].join('\n'),
  );
});

test('a table is aligned in any script: a character may be two columns wide, or none', async () => {
  const ids = `SELECT * FROM (VALUES ('温度計', 1), (E'e\\u0301', 2), ('🔥', 3)) v (id, n)`;
  expect(await written(table, ids)).toBe(
    [' id     | n', '--------+---', ' 温度計 | 1', ' e\u0301      | 2', ' 🔥     | 3', '(3 rows)', ''].join(
      '\n',
    ),
  );
});

test('csv has all digits, and is read back as it was', async () => {
  expect(parse(await written(csv, everything))).toEqual([
    ['time', 'day', 'mean', 'n', 'score', 'late', 'held', 'more', 'said', 'nothing'],
    [
      '2025-11-12T10:15:01.5Z',
      '2025-11-12',
      '20.3',
      '9007199254740993',
      '1.50',
      'true',
      '26:00:00',
      '{"a": [1]}',
      'a,"b"\nc',
      '',
    ],
    ['1999-12-31T23:59:59Z', '', 'NaN', '-1', '', 'false', '', '', '=1+1', ''],
  ]);
});

test('json has types, and what JSON has no number for is text', async () => {
  const text = await written(json, everything);
  expect(text).toContain('"n":9007199254740993,');
  expect(JSON.parse(text)).toEqual([
    {
      time: '2025-11-12T10:15:01.5Z',
      day: '2025-11-12',
      mean: 20.3,
      n: expect.any(Number),
      score: 1.5,
      late: true,
      held: '26:00:00',
      more: { a: [1] },
      said: 'a,"b"\nc',
      nothing: null,
    },
    {
      time: '1999-12-31T23:59:59Z',
      day: null,
      mean: 'NaN',
      n: -1,
      score: null,
      late: false,
      held: null,
      more: null,
      said: '=1+1',
      nothing: '',
    },
  ]);
});

test.each([0, 1, 499, 500, 501, 1500])('%i rows are %i rows in every format', async n => {
  const sql = `SELECT n, 'Sensor ' || n AS sensor_id FROM generate_series(1, ${n}) n`;
  const rows = Array.from({ length: n }, (_, i) => ({ n: i + 1, sensor_id: `Sensor ${i + 1}` }));
  expect(JSON.parse(await written(json, sql))).toEqual(rows);
  expect(
    parse(await written(csv, sql), {
      columns: true,
      cast: value => (/^\d+$/.test(value) ? Number(value) : value),
    }),
  ).toEqual(rows);
  const lines = (await written(table, sql)).split('\n');
  expect(lines.slice(2, -2).map(line => line.split('|').map(cell => cell.trim()))).toEqual(
    rows.map(row => [String(row.n), row.sensor_id]),
  );
  expect(lines.at(-2)).toBe(`(${n} ${n === 1 ? 'row' : 'rows'})`);
});
