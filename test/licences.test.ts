import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** What may be passed on beside code under MIT without further duties. */
const PERMISSIVE = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'PostgreSQL',
  'Unlicense',
  'Zlib',
];

/** For what we only work with, and pass on to nobody. */
const FOR_TOOLS = [...PERMISSIVE, 'MPL-2.0'];

interface Component {
  name: string;
  version: string;
  licenses?: { license?: { id?: string; name?: string }; expression?: string }[];
}

/** The bill of materials. @param more options of `npm sbom`. */
async function components(...more: string[]): Promise<Component[]> {
  const args = ['sbom', '--sbom-format', 'cyclonedx', ...more];
  const { stdout } = await promisify(execFile)('npm', args, {
    cwd: join(import.meta.dirname, '..'),
    maxBuffer: 64e6,
  });
  return JSON.parse(stdout).components;
}

/** Whether an SPDX expression can be met: one side of OR, each part of AND. */
function isMet(expression: string, allowed: readonly string[]): boolean {
  const plain = expression.replaceAll(/[()]/g, '');
  return plain.split(' OR ').some(side => side.split(' AND ').every(id => allowed.includes(id)));
}

const expressionOf = ({ licenses }: Component) =>
  licenses?.map(({ license, expression }) => expression ?? license?.id ?? license?.name).join(' AND ') ?? '';

test.each([
  { what: 'what is passed on', options: ['--omit', 'dev'], allowed: PERMISSIVE },
  { what: 'what we work with', options: [], allowed: FOR_TOOLS },
])('every licence of $what allows it', async ({ options, allowed }) => {
  const all = await components(...options);
  expect(all.length).toBeGreaterThan(50);
  const others = all.filter(component => !isMet(expressionOf(component), allowed));
  expect(
    others.map(component => `${component.name}@${component.version}: ${expressionOf(component)}`),
  ).toEqual([]);
});
