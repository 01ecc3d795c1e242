import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/* Nothing is promised that no test shows: docs/proofs.md names one for each promise, and is held to what is promised. */

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFile(join(root, path), 'utf8');

/** What stands below a heading of the second rank. */
function section(page: string, heading: string): string {
  const text = page.split(/^## /m).find(part => part.startsWith(`${heading}\n`));
  if (text === undefined) throw new Error(`no section ${heading}`);
  return text;
}

/** The cells of the rows of a table. */
function rowsOf(text: string): string[][] {
  const lines = text.split('\n').filter(line => line.startsWith('| '));
  return lines.slice(2).map(line =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map(cell => cell.trim()),
  );
}

const [guarantees, readme, proofs] = await Promise.all([
  read('docs/guarantees.md'),
  read('README.md'),
  read('docs/proofs.md'),
]);
const rows = ['Promises', 'Faults', 'README'].flatMap(heading => rowsOf(section(proofs, heading)));

test('every fault of guarantees.md has a row, and every row a fault', () => {
  const faults = (text: string, heading: string) => rowsOf(section(text, heading)).map(([fault]) => fault);
  expect(faults(proofs, 'Faults')).toEqual(faults(guarantees, 'Under which faults'));
});

test('every numbered promise of guarantees.md, and each of several collectors, has a row', () => {
  const promises = rowsOf(section(proofs, 'Promises')).map(([promise]) => promise!);
  const numbered = [...guarantees.matchAll(/^(\d)\. /gm)].map(([, number]) => `${number}: `);
  const collectors = [...section(guarantees, 'Several collectors').matchAll(/^- \*\*/gm)];
  expect(promises.filter(promise => /^\d: /.test(promise)).map(promise => promise.slice(0, 3))).toEqual(
    numbered,
  );
  expect(promises.filter(promise => promise.startsWith('Several collectors: '))).toHaveLength(
    collectors.length,
  );
});

test('what is said to be a promise of README stands there', () => {
  const text = readme.replaceAll(/\s+/g, ' ').toLowerCase();
  for (const [promise] of rowsOf(section(proofs, 'README'))) expect(text).toContain(promise!.toLowerCase());
});

test.each(rows)('%s: its tests are there', async (_promise, proof) => {
  const shown = proof!.split('<br>');
  for (const one of shown) {
    const [, path, title] = /^\[[\w-]+\]\(\.\.\/(test\/[\w./-]+\.test\.ts)\): (.+)$/.exec(one) ?? [];
    expect(title, one).toBeDefined();
    expect(await read(path!), one).toContain(title!);
  }
});
