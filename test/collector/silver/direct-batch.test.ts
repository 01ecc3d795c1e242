import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Watermark } from '../../../collector/bronze/watermark.ts';
import { DirectBatch } from '../../../collector/silver/direct-batch.ts';
import { Registry } from '../../../collector/silver/registry.ts';
import { decoderOf } from '../../harness/lines.ts';

const decoder = decoderOf(new Registry());

/** A reading, made longer by a field that nobody asks for. */
const lineOf = (second: number, padding: number) =>
  `{"id": "a", "dt": "${new Date(1.7e12 + second * 1000).toISOString()}", "value": 1${padding === 0 ? '' : `, "x": "${'é'.repeat(padding)}"`}}\n`;

test('every line of a block becomes a row, however long lines and blocks are', () => {
  const paddings = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40_000 })), {
    minLength: 1,
    maxLength: 600,
  });
  fc.assert(
    fc.property(paddings, list => {
      const bytes = Buffer.from(list.map((padding, index) => lineOf(index, padding)).join(''));
      const block = { file: 'a', start: 0, bytes, watermark: new Watermark({ lateMinutes: 60 }) };
      const batch = new DirectBatch([block], decoder);
      const rows = Buffer.concat([...batch.rows()]);
      const { rejected, ranges } = batch;
      expect(rejected).toEqual([]);
      expect(ranges).toMatchObject([{ from: 0, to: bytes.length, lines: list.length, stored: list.length }]);
      const seconds = rows
        .toString()
        .trimEnd()
        .split('\n')
        .map(row => (Date.parse(row.split('\t')[0]!) - 1.7e12) / 1000);
      expect(seconds).toEqual(list.map((_, index) => index));
    }),
    { numRuns: 30 },
  );
});
