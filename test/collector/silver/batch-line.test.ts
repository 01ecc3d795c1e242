import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { from as copyFrom } from 'pg-copy-streams';
import { expect, test } from 'vitest';
import { formatTime } from '../../../base/time.ts';
import { type BatchLine, copyText } from '../../../collector/silver/batch-line.ts';
import { withDatabase } from '../../harness/database.ts';
import { loaderConnection } from '../../harness/lines.ts';

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
  quality: fc.constantFrom('valid' as const, 'out_of_range' as const, 'unknown_sensor' as const),
  late: fc.boolean(),
  inexact: fc.boolean(),
  reading: fc.integer({ min: 1, max: 1000 }),
});

test('PostgreSQL reads back what was put into COPY text', () =>
  withDatabase(async database => {
    await using connection = await loaderConnection(database);
    const { client } = connection;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 100 }), async rows => {
        const lines = rows.map(
          (row, index): BatchLine => ({
            file: `f${index % 3}`,
            start: index * 1e9,
            end: 0,
            rows: [row],
            refusals: [],
          }),
        );
        await client.query('BEGIN');
        const copy = client.query(copyFrom('COPY batch_row FROM STDIN'));
        await pipeline(Readable.from([copyText(lines, ['f0', 'f1', 'f2'])], { objectMode: false }), copy);
        const back = await client.query(
          `SELECT to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time, sensor_id AS "sensorId", value, quality,
             late, inexact, file, byte_offset::float8 AS start, reading FROM batch_row ORDER BY byte_offset`,
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
