import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './harness/server.ts';

/*
 * Imports run one way. Biome holds it (biome.json); here a violation of each kind is planted in a copy of the rules, and
 * must be seen.
 */

const ROOT = join(import.meta.dirname, '..');

/** Lints some files under the rules of the repository. @returns what Biome says, and whether it is content. */
async function lint(files: Record<string, string>): Promise<{ ok: boolean; said: string }> {
  await using folder = await temporaryFolder();
  // Where there is no repository Biome would ask for one.
  const { vcs: _, ...rules } = JSON.parse(await readFile(join(ROOT, 'biome.json'), 'utf8'));
  await writeFile(join(folder.path, 'biome.json'), JSON.stringify(rules));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder.path, name)), { recursive: true });
    await writeFile(join(folder.path, name), text);
  }
  const only = ['--only=style/noRestrictedImports', '--only=suspicious/noImportCycles'];
  return await new Promise(resolve => {
    execFile(
      join(ROOT, 'node_modules/.bin/biome'),
      ['lint', ...only, ...Object.keys(files)],
      { cwd: folder.path, env: { ...process.env, NO_COLOR: '1' } },
      (error, stdout, stderr) => resolve({ ok: error === null, said: stdout + stderr }),
    );
  });
}

/** Two files, of which the first imports the second. */
const importing = (from: string, to: string) => {
  const path = `${'../'.repeat(from.split('/').length - 1) || './'}${to}`;
  return { [from]: `export { a } from '${path}';\n`, [to]: 'export const a = 1;\n' };
};

test.each([
  ['base/a.ts', 'db/b.ts'],
  ['base/a.ts', 'collector/payload/b.ts'],
  ['base/http/a.ts', 'commands/up/b.ts'],
  ['db/a.ts', 'collector/silver/b.ts'],
  ['generator/a.ts', 'collector/payload/b.ts'],
  ['collector/payload/a.ts', 'collector/bronze/b.ts'],
  ['collector/source/mqtt/a.ts', 'collector/bronze/b.ts'],
  ['collector/bronze/a.ts', 'collector/silver/b.ts'],
  ['collector/silver/a.ts', 'collector/gold/b.ts'],
  ['collector/gold/a.ts', 'collector/retention/b.ts'],
  ['collector/retention/a.ts', 'collector/outlet/b.ts'],
  ['collector/outlet/report/a.ts', 'collector/serve/b.ts'],
  ['collector/serve/a.ts', 'collector/collector.ts'],
  ['collector/serve/a.ts', 'commands/report/b.ts'],
  ['collector/collector.ts', 'commands/up/b.ts'],
  ['collector/collector.ts', 'test/harness/b.ts'],
])('%s may not import %s', async (from, to) => {
  const { ok, said } = await lint(importing(from, to));
  expect(said).toContain('noRestrictedImports');
  expect(ok).toBe(false);
});

/** What makes the rooms work together; nobody else may know of it but those who run it. */
const wiring = (await readdir(join(ROOT, 'collector'))).filter(name => name.endsWith('.ts'));

test.each(wiring)('no room may import collector/%s, and it may import no command', async name => {
  const rooms = ['payload', 'source', 'bronze', 'silver', 'gold', 'retention', 'outlet', 'serve'];
  const importers = rooms.map(room => importing(`collector/${room}/a.ts`, `collector/${name}`));
  const wired = importing(`collector/${name}`, 'commands/up/b.ts');
  const { said } = await lint(Object.assign({}, ...importers, wired));
  for (const room of rooms)
    expect(said).toContain(`collector/${room}/a.ts:1:19 lint/style/noRestrictedImports`);
  expect(said).toContain(`collector/${name}:1:19 lint/style/noRestrictedImports`);
});

test.each([
  ['db/a.ts', 'base/b.ts'],
  ['collector/silver/a.ts', 'collector/bronze/b.ts'],
  ['collector/silver/a.ts', 'db/b.ts'],
  ['collector/serve/a.ts', 'collector/source/mqtt/b.ts'],
  ['commands/up/a.ts', 'collector/collector.ts'],
])('%s may import %s', async (from, to) => {
  expect(await lint(importing(from, to))).toMatchObject({ ok: true });
});

test('two files may not import each other, not even types', async () => {
  const { ok, said } = await lint({
    'collector/gold/a.ts': "import type { B } from './b.ts';\nexport type A = B[];\n",
    'collector/gold/b.ts': "import type { A } from './a.ts';\nexport type B = A[];\n",
  });
  expect(said).toContain('noImportCycles');
  expect(ok).toBe(false);
});
