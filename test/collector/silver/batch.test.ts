import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { from as copyFrom } from 'pg-copy-streams';
import { describe, expect, test } from 'vitest';
import { formatTime, parseTime, zoneOf } from '../../../base/time.ts';
import { type BatchLine, copyText, prepareLine } from '../../../collector/silver/batch.ts';
import { Registry } from '../../../collector/silver/registry.ts';
import { withDatabase } from '../../harness/database.ts';
import { linesOf, loaderConnection } from '../../harness/lines.ts';

const utc = zoneOf('UTC');

const sensorId = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 25 }),
    fc.string({
      unit: fc.constantFrom('\\', 'N', '.', 't', '"', "'", ' ', '\u2028', '🌡'),
      minLength: 1,
      maxLength: 8,
    }),
  )
  .filter(id => !/\p{Cc}/u.test(id) && id.isWellFormed());
const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    -1.7976931348623157e308,
    0.1,
    1e21,
  ),
);
const row = fc.record({
  time: fc.integer({ min: Date.UTC(2000, 0, 1) * 1000, max: Date.UTC(2200, 0, 1) * 1000 - 1 }),
  sensorId,
  value,
  quality: fc.constantFrom('valid', 'out_of_range', 'unknown_sensor'),
  late: fc.boolean(),
});

test('PostgreSQL reads back what was put into COPY text', () =>
  withDatabase(async database => {
    await using connection = await loaderConnection(database);
    const { client } = connection;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 100 }), async rows => {
        const lines = rows.map(
          (row, index): BatchLine => ({ file: `f${index % 3}`, start: index * 1e9, end: 0, row }),
        );
        await client.query('BEGIN');
        const copy = client.query(copyFrom('COPY batch_row FROM STDIN'));
        await pipeline(Readable.from([copyText(lines, ['f0', 'f1', 'f2'])], { objectMode: false }), copy);
        const back = await client.query(
          `SELECT to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time, sensor_id AS "sensorId", value, quality,
             late, file, byte_offset::float8 AS start FROM batch_row ORDER BY byte_offset`,
        );
        await client.query('ROLLBACK');
        expect(back.rows).toEqual(
          rows.map(({ time, value, ...rest }, index) => ({
            ...rest,
            time: formatTime(time),
            // 0 and -0 are equal, and PostgreSQL is sent 0 for both.
            value: value === 0 ? 0 : value,
            file: index % 3,
            start: index * 1e9,
          })),
        );
      }),
      { numRuns: 50 },
    );
  }));

describe('prepareLine', () => {
  const prepare = (bytes: Buffer | string) =>
    prepareLine('f', { bytes: Buffer.from(bytes), start: 10, end: 99 }, utc, new Registry());

  test('a line becomes a row, judged by the registry', () => {
    expect(prepare('{"id": "a", "dt": "2025-11-12T10:15:01Z", "value": 2.5}')).toEqual({
      file: 'f',
      start: 10,
      end: 99,
      row: {
        time: parseTime('2025-11-12T10:15:01Z', utc),
        sensorId: 'a',
        value: 2.5,
        quality: 'unknown_sensor',
        late: false,
      },
    });
  });

  test.each([
    ['{"id":"a","dt":"2025-11-12"}', 'value is missing'],
    ['{"id":"a","dt":"2025-11-12","value":"2.5"}', 'value is not a number'],
    ['{"id":"a","dt":"2025-11-12","value":-1e400}', 'value is not a finite number'],
    ['{"id":"a","dt":"1999-12-31","value":1}', 'dt is before 2000'],
    ['', 'not JSON'],
    ['\0', 'not JSON'],
  ])('%s: %s', (text, reason) => {
    const { rejection, row } = prepare(text);
    expect(row).toBeUndefined();
    const known = reason.startsWith('value')
      ? { sensorId: 'a', time: parseTime('2025-11-12', utc) }
      : { sensorId: undefined, time: undefined };
    expect(rejection).toEqual({ reason, line: text.replaceAll('\0', '\uFFFD'), ...known });
  });

  test('bytes that are no text are shown as U+FFFD', () => {
    expect(prepare(Buffer.from([0x7b, 0xff])).rejection).toEqual({ reason: 'not UTF-8', line: '{\uFFFD' });
  });

  test('lines keep their bytes: the end of one is the start of the next', () => {
    const lines = linesOf('f', ['ü', '', '🌡'], new Registry(), 7);
    expect(lines.map(({ start, end }) => [start, end])).toEqual([
      [7, 10],
      [10, 11],
      [11, 16],
    ]);
  });
});
