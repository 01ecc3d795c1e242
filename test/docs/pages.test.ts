import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { decisionsPage } from '../../docs/decisions.ts';
import { sluice } from '../commands/verify/pipeline.ts';

const root = join(import.meta.dirname, '..', '..');
const pages = globSync(['*.md', 'docs/**/*.md', 'deploy/**/*.md', 'lake/**/*.md'], { cwd: root }).sort();
const texts = new Map(
  await Promise.all(
    pages.map(async page => [page, await readFile(join(root, page), 'utf8')] as [string, string]),
  ),
);

/** What GitHub makes of a heading, to be linked to. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

/** Links of a page into the repository. Code is not text. */
function linksOf(text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter(target => !/^\w+:/.test(target));
}

test.each(pages)('every link of %s leads somewhere', async page => {
  for (const link of linksOf(texts.get(page)!)) {
    const [path = '', fragment] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    expect(globSync(target, { cwd: root }), `${page}: ${link}`).toHaveLength(1);
    if (fragment === undefined) continue;
    const headings = [...(texts.get(target) ?? '').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      anchor(heading!),
    );
    expect(headings, `${page}: ${link}`).toContain(fragment);
  }
});

test('every page of docs/ can be reached from README', () => {
  const reached = new Set(['README.md']);
  for (const page of reached) {
    for (const link of linksOf(texts.get(page) ?? '')) {
      const path = join(dirname(page), link.split('#')[0]!);
      if (texts.has(path)) reached.add(path);
      if (texts.has(join(path, 'README.md'))) reached.add(join(path, 'README.md'));
    }
  }
  expect(pages.filter(page => page.startsWith('docs/') && !reached.has(page))).toEqual([]);
});

test('README has no more than 200 lines', () => {
  expect(texts.get('README.md')!.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
});

test("README's table has the commands of --help", async () => {
  const { stdout } = await sluice(['--help'], {});
  const said = [...stdout.matchAll(/^ {2}([a-z]+) /gm)]
    .map(([, name]) => name!)
    .filter(name => name !== 'help');
  const rows = [...texts.get('README.md')!.matchAll(/^\| `([a-z]+)` +\|/gm)].map(([, name]) => name!);
  expect(said.length).toBeGreaterThan(5);
  expect(rows.sort()).toEqual(said.sort());
});

test('docs/decisions has an index of its pages (else: npm run docs)', async () => {
  expect(texts.get('docs/decisions/README.md')).toBe(await decisionsPage());
});
