import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppendFile } from '../../../collector/bronze/append-file.ts';
import { temporaryFolder } from '../../harness/server.ts';

test('what is appended is there, and counted', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.jsonl');
  const file = await AppendFile.open(path);
  expect(file).toMatchObject({ created: true, size: 0 });
  await file.append(Buffer.from('1\n2\n'));
  await file.append(Buffer.alloc(0));
  await file.append(Buffer.from('3\n'));
  expect(file.size).toBe(6);
  await file.close();
  expect(await readFile(path, 'utf8')).toBe('1\n2\n3\n');
  const again = await AppendFile.open(path);
  expect(again).toMatchObject({ created: false, size: 6 });
  await again.close();
});

test('whatever a crash left: opening cuts behind the last line end, and tells of it', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.jsonl');
  const content = fc.array(fc.oneof(fc.constantFrom(10, 0, 123), fc.nat(255)), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(content, fc.option(fc.nat(45), { nil: undefined }), async (bytes, trusted) => {
      const before = Buffer.from(bytes);
      await writeFile(path, before);
      const told: number[] = [];
      const file = await AppendFile.open(path, { trusted, onCut: cut => told.push(cut) });
      await file.close();
      const whole = before.subarray(0, before.subarray(0, trusted).lastIndexOf(10) + 1);
      expect((await readFile(path)).equals(whole)).toBe(true);
      expect(file.size).toBe(whole.length);
      const torn = trusted === undefined && whole.length < before.length;
      expect(told).toEqual(torn ? [before.length - whole.length] : []);
    }),
    { numRuns: 150 },
  );
});

test('a torn line that is longer than a block of the search is cut as well', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.jsonl');
  for (const length of [64 * 1024, 64 * 1024 + 1, 300_000]) {
    await writeFile(path, `whole\n${'x'.repeat(length)}`);
    await (await AppendFile.open(path)).close();
    expect(await readFile(path, 'utf8')).toBe('whole\n');
    await writeFile(path, 'x'.repeat(length));
    await (await AppendFile.open(path)).close();
    expect(await readFile(path, 'utf8')).toBe('');
  }
});

test('cut() takes it back to an earlier size, and appending goes on from there', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.jsonl');
  const file = await AppendFile.open(path);
  await file.append(Buffer.from('1\n2\n'));
  await file.cut(2);
  await file.append(Buffer.from('3\n'));
  await file.close();
  expect(await readFile(path, 'utf8')).toBe('1\n3\n');
});
