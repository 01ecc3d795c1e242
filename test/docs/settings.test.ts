import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { readConfig } from '../../base/config.ts';
import { settings } from '../../base/settings.ts';
import { composeVariables } from '../../docs/compose.ts';
import { envExample, settingsPage, settingsTable } from '../../docs/generate.ts';

const root = join(import.meta.dirname, '..', '..');

test('docs/settings.md has the settings as they are (else: npm run docs)', async () => {
  expect(await readFile(join(root, 'docs', 'settings.md'), 'utf8')).toBe(settingsPage());
});

test('.env.example has the settings as they are (else: npm run docs)', async () => {
  expect(await readFile(join(root, '.env.example'), 'utf8')).toBe(envExample());
});

test('a row of the table says name, default, unit, meaning, and how to give a secret', () => {
  const table = settingsTable({
    WAIT_MS: { default: '250', unit: 'ms', meaning: 'a|b' },
    KEY: { default: undefined, meaning: 'A key.', secret: true },
  });
  const rows = table.split('\n').map(row => row.split(/ *(?<!\\)\| */).slice(1, -1));
  expect(rows.slice(2)).toEqual([
    ['`WAIT_MS`', '`250` ms', 'a\\|b'],
    ['`KEY`', '', 'A key. A secret: `KEY_FILE` names a file to read it from.'],
  ]);
});

test('a copy of .env.example changes nothing', () => {
  expect(readConfig(parseEnv(envExample()))).toEqual(readConfig({}));
});

test('the lines of .env.example are right once their # is taken away', () => {
  const uncommented = envExample().replaceAll(/^#(?=[A-Z_]+=)/gm, '');
  const given = parseEnv(uncommented);
  expect(Object.keys(given).sort()).toEqual(
    [...Object.keys(settings), ...Object.keys(composeVariables)].sort(),
  );
  expect(readConfig(given)).toEqual(readConfig({}));
});
