import '../../harness/seed.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { measurementColumns } from '../../../commands/import/columns.ts';
import { fileOf, rowsOf } from './files.ts';

const csv = 'sensor_uuid,timestamp,sensor_value\na,2012-12-31T23:07:00+00,1\nb,2012-12-31T23:08:00+00,2\n';
const rows = [
  [2, 'a', '2012-12-31T23:07:00+00', '1'],
  [3, 'b', '2012-12-31T23:08:00+00', '2'],
];

test.each<[string, string | Buffer]>([
  ['plain', csv],
  ['with a byte order mark', `\ufeff${csv}`],
  ['with CR LF, and no end of the last line', csv.replaceAll('\n', '\r\n').slice(0, -2)],
  ['with semicolons', csv.replaceAll(',', ';')],
  ['with tabs', csv.replaceAll(',', '\t')],
  ['with quotes', csv.replaceAll(/[^,\n]+/g, '"$&"')],
  ['in gzip, whatever its name', gzipSync(csv)],
  ['in gzip of several members', Buffer.concat([gzipSync(csv.slice(0, 50)), gzipSync(csv.slice(50))])],
])('CSV %s', async (_, content) => {
  expect(await rowsOf(fileOf(content))).toEqual(rows);
});

test('CSV: columns by name in any order, whatever stands between; empty lines count as lines', async () => {
  const text = '\nvalue,room,Time,ID\n1,"hall, left",t1,a\n\n2,,t2,b\n';
  expect(await rowsOf(fileOf(text))).toEqual([
    [3, 'a', 't1', '1'],
    [5, 'b', 't2', '2'],
  ]);
  const given = measurementColumns({ sensor: 'room', value: 'id' });
  expect(await rowsOf(fileOf(text), given)).toEqual([
    [3, 'hall, left', 't1', 'a'],
    [5, '', 't2', 'b'],
  ]);
});

test('CSV without a header: columns by their number', async () => {
  const selection = measurementColumns({ sensor: '3', time: '1', value: '2' });
  expect(await rowsOf(fileOf('t1,1,a\nt2,2,b\n'), selection)).toEqual([
    [1, 'a', 't1', '1'],
    [2, 'b', 't2', '2'],
  ]);
});

test('CSV: a row with too few or too many fields is told; the others are there', async () => {
  expect(await rowsOf(fileOf('id,time,value\na,t\nb,t,1\nc,t,1,2\nd,t,3\n', 100))).toEqual([
    [2, 'has 2 fields; the first line has 3'],
    [3, 'b', 't', '1'],
    [4, 'has 4 fields; the first line has 3'],
    [5, 'd', 't', '3'],
  ]);
});

test.each<[string, string | Buffer, string]>([
  [
    'lacks columns',
    'id,when,what\na,t,1\n',
    'line 1: there is no column for the time, such as timestamp; there is no column for the value, such as sensor_value (the columns are id, when, what); see --columns',
  ],
  ['is not UTF-8', Buffer.from('id,time,value\na,t,1\n\xfc,t,1\n', 'latin1'), 'line 3: is not UTF-8'],
  ['is empty', '', 'it is empty'],
  [
    'is cut in its gzip',
    gzipSync(csv).subarray(0, -9),
    'the gzip is damaged, or ends too early (unexpected end of file)',
  ],
  [
    'is an array without end',
    '[{"id":"a","time":1,"value":2},\n',
    'line 2: the file ends before its array does',
  ],
  [
    'is an array that is no JSON',
    '[{"id":"a","time":1,"value":2},\n{"id":"b" "time":1}]',
    'line 2: is not JSON',
  ],
  [
    'is Parquet in gzip',
    gzipSync('PAR1…'),
    'Parquet within gzip is not read: unpack it; Parquet is compressed itself',
  ],
  [
    'is Parquet, cut',
    'PAR1 and no more of it',
    'the Parquet file cannot be read: parquet file invalid (footer != PAR1)',
  ],
])('a file that %s is refused', async (_, content, reason) => {
  expect((await rowsOf(fileOf(content, 1000))).at(-1)).toEqual([reason]);
});

test('a quote that is not closed is told by its line, and does not fill the memory', async () => {
  const text = `id,time,value\na,t,1\n"b,t,1\n${'c,t,1\n'.repeat(400_000)}`;
  const told = await rowsOf(fileOf(text, 65_536));
  expect(told.at(-1)).toEqual(['line 3: a record is longer than 1048576 bytes: is a quote not closed?']);
});

test('JSON Lines and arrays', async () => {
  const a = '{"sensor_uuid":"a","timestamp":1356995220,"sensor_value":1.5,"more":{"x":[1,"]"]}}';
  const b = '{"sensor_value":null,"timestamp":"t","sensor_uuid":"b \\"]},"}';
  const both = [
    ['a', 1356995220, 1.5],
    ['b "]},', 't', null],
  ];
  expect(await rowsOf(fileOf(`${a}\n${b}\n`))).toEqual(both.map((row, index) => [index + 1, ...row]));
  expect(await rowsOf(fileOf(`\n[ ${a}\n,\n${b} ]\n`))).toEqual([
    [2, ...both[0]!],
    [4, ...both[1]!],
  ]);
  expect(await rowsOf(fileOf(`${a}\nnonsense\n[]\n${b}`, 1000))).toEqual([
    [1, ...both[0]!],
    [2, 'is not JSON'],
    [3, 'is not a JSON object'],
    [4, ...both[1]!],
  ]);
});

// Written by pyarrow 26: row groups of four rows, the last value NULL.
test.each([
  ['snappy-us-utc', 'Z'],
  ['int96', 'Z'],
  ['zstd-ns-local', ''],
])('Parquet: %s', async (name, designator) => {
  const file = fileOf(readFileSync(join(import.meta.dirname, 'parquet', `${name}.parquet`)));
  const read = await rowsOf(file);
  expect(read.map(([row, , , value]) => [row, value])).toEqual([
    [1, 0.5],
    [2, 1.5],
    [3, 2.5],
    [4, 3.5],
    [5, 4.5],
    [6, null],
  ]);
  expect(read[5]!.slice(1, 3)).toEqual([
    '0d9b8a7c-1111-4222-8333-944455556666',
    `2012-12-31T23:12:00.000005${designator}`,
  ]);
});

test('Parquet with gzip and Unix time; with a compression that is not read', async () => {
  const read = (name: string) => rowsOf(fileOf(readFileSync(join(import.meta.dirname, 'parquet', name))));
  expect((await read('gzip-unix-ms.parquet'))[1]!.slice(2)).toEqual([1356995280000n, 1.5]);
  expect(await read('lz4-us-utc.parquet')).toEqual([
    ['the Parquet file cannot be read: parquet unsupported compression codec: LZ4_RAW'],
  ]);
});

test('whatever is written as CSV or JSON is read back, wherever the pieces are cut', async () => {
  const cell = fc.oneof(fc.string(), fc.constantFrom('a,b', 'say "x"', 'two\nlines', 'ä€𝄞', '1.5'));
  const record = fc.record({ id: cell.filter(text => text !== ''), time: cell, value: cell });
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { minLength: 1 }),
      fc.integer({ min: 1, max: 200 }),
      async (records, chunk) => {
        const expected = records.map(({ id, time, value }) => [id, time, value]);
        const read = async (text: string) => (await rowsOf(fileOf(text, chunk))).map(([, ...cells]) => cells);
        expect(await read(stringify(records, { header: true, quoted_match: /[\r\n]|^\s|\s$/ }))).toEqual(
          expected,
        );
        expect(await read(JSON.stringify(records, null, 1))).toEqual(expected);
        expect(await read(records.map(one => JSON.stringify(one)).join('\n'))).toEqual(expected);
      },
    ),
  );
});
