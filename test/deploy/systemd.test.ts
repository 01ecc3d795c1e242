import { execFile, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../harness/server.ts';

const ROOT = join(import.meta.dirname, '../..');
const UNIT = join(ROOT, 'deploy/systemd/sluice.service');

/** Left out where it is not installed (macOS); CI has to have it. */
const withoutSystemd = spawnSync('systemd-analyze', ['--version']).error !== undefined && !process.env.CI;

const analyze = (...args: string[]) =>
  promisify(execFile)('systemd-analyze', args).then(
    ({ stdout, stderr }) => `${stdout}${stderr}`,
    error => `${error.stdout}${error.stderr}${error.message}`,
  );

test.skipIf(withoutSystemd)('systemd understands every line of the unit', async () => {
  await using folder = await temporaryFolder();
  const unit = join(folder.path, 'sluice.service');
  await writeFile(unit, (await readFile(UNIT, 'utf8')).replaceAll('/opt/sluice', ROOT));
  expect(await analyze('verify', '--man=no', unit)).toBe('');
});

test.skipIf(withoutSystemd)('its exposure is at most 1.5 of 10', async () => {
  const said = await analyze('security', '--offline=true', '--no-pager', UNIT);
  const level = /Overall exposure level for sluice\.service: ([\d.]+)/.exec(said)?.[1];
  expect(level, said).toBeDefined();
  expect(Number(level)).toBeLessThanOrEqual(1.5);
});
