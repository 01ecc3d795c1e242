import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readFirstLine, readLines, splitLines } from '../../../collector/bronze/line-reader.ts';
import { temporaryFolder } from '../../harness/server.ts';

const line = fc.string({ unit: fc.constantFrom('a', 'ü', '🌡', '\r', '\u2028', '\0', '"'), maxLength: 12 });

test('reading on from line to line gives every line once, at its bytes, whatever the pieces', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.jsonl');
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 60 }),
      async (texts, maxBytes) => {
        const content = Buffer.from(texts.map(text => `${text}\n`).join(''));
        await writeFile(path, Buffer.concat([content, Buffer.from('not durable yet\n')]));
        const read: string[] = [];
        let from = 0;
        while (from < content.length) {
          const lines = splitLines(readLines(path, from, content.length, maxBytes), from);
          expect(lines.length).toBeGreaterThan(0);
          for (const { bytes, start, end } of lines) {
            expect(start).toBe(from);
            expect(content.subarray(start, end - 1).equals(bytes)).toBe(true);
            read.push(bytes.toString());
            from = end;
          }
        }
        expect(from).toBe(content.length);
        expect(read).toEqual(texts);
      },
    ),
    { numRuns: 150 },
  );
});

test('a line that has no line end is not read', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.jsonl');
  await writeFile(path, 'whole\ntorn');
  expect(readLines(path, 0, 10, 100).toString()).toBe('whole\n');
  expect(readLines(path, 6, 10, 1).length).toBe(0);
  await writeFile(path, 'torn');
  expect(readFirstLine(path, 4)).toBeUndefined();
});

test('the first line, also when it is long', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.jsonl');
  await writeFile(path, `${'x'.repeat(5000)}\nsecond\n`);
  expect(readFirstLine(path, 5008)?.length).toBe(5000);
});

test('a file that became shorter gives what is left', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.jsonl');
  await writeFile(path, 'a\nb\n');
  expect(readLines(path, 2, 1000, 100).toString()).toBe('b\n');
});
