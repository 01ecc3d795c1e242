import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { playDay } from '../../collector/outlet/report/example.ts';
import { withoutBrowser } from '../../harness/browser.ts';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { startSmtp } from '../../harness/smtp.ts';
import { sluice } from '../verify/pipeline.ts';

let database: TestDatabase;
const daysAgo = (n: number) => new Date(Date.now() - n * 86_400_000).toISOString().slice(0, 10);

beforeAll(async () => {
  database = await newDatabase();
  await playDay(database, '2025-11-12', [{ id: 'Sensor 1' }]);
});
afterAll(() => database?.drop());

function report(folder: string, ...args: string[]) {
  return sluice(['report', ...args], { DATABASE_URL: database.url }, [], folder);
}

test('the report of yesterday is written into the working folder', async () => {
  await using folder = await temporaryFolder();
  const before = daysAgo(1);
  const { code, stdout, stderr } = await report(folder.path);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [file, ...others] = readdirSync(folder.path);
  expect(others).toEqual([]);
  expect([before, daysAgo(1)].map(date => `sluice-report-${date}.html`)).toContain(file);
  expect(stdout).toBe(`Wrote ${join(folder.path, file!)}\n`);
  expect(readFileSync(join(folder.path, file!), 'utf8')).toContain('No data');
});

test('--date and --out say which day and where; a folder that is missing is made, a report that is there replaced', async () => {
  await using folder = await temporaryFolder();
  const out = join(folder.path, 'reports', 'day.html');
  for (const charts of ['50', '0']) {
    expect(await report(folder.path, '--date', '2025-11-12', '--out', out, '--charts', charts)).toMatchObject(
      { code: 0 },
    );
    const page = readFileSync(out, 'utf8');
    expect(page).toMatch(/^<!doctype html>.*Sensor 1.*<\/html>\n$/s);
    expect(page.includes('<article')).toBe(charts === '50');
  }
  expect(readdirSync(join(folder.path, 'reports'))).toEqual(['day.html']);
});

test('--out - is standard output, and nothing else', async () => {
  await using folder = await temporaryFolder();
  const { code, stdout } = await report(folder.path, '--date', '2025-11-12', '--out', '-');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^<!doctype html>.*<\/html>\n$/s);
  expect(readdirSync(folder.path)).toEqual([]);
});

test('a report that cannot be written ends with 1, and what was there stays', async () => {
  await using folder = await temporaryFolder();
  mkdirSync(join(folder.path, 'taken.html'));
  writeFileSync(join(folder.path, 'taken.html', 'x'), '');
  const { code, stderr } = await report(folder.path, '--date', '2025-11-12', '--out', 'taken.html');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^sluice: .*taken\.html/);
  expect(readdirSync(folder.path)).toEqual(['taken.html']);
  expect(existsSync(join(folder.path, 'taken.html', 'x'))).toBe(true);
});

test('today has a report; it says that the day is not over', async () => {
  await using folder = await temporaryFolder();
  const { code, stdout } = await report(folder.path, '--date', daysAgo(0), '--out', '-');
  expect(code).toBe(0);
  // At midnight, the day may be over when the database looks at its clock.
  if (stdout.includes(`Read from the database on ${daysAgo(0)}`))
    expect(stdout).toContain('The day is not over');
});

test.each([
  { args: ['--date', daysAgo(-2)], says: /has not begun yet/ },
  { args: ['--date', '2025-02-30'], says: /must be a date such as 2025-11-12/ },
  { args: ['--date', 'yesterday'], says: /must be a date such as 2025-11-12/ },
  { args: ['--charts', '-1'], says: /must be a whole number/ },
])('$args ends with 2', async ({ args, says }) => {
  await using folder = await temporaryFolder();
  const { code, stdout, stderr } = await report(folder.path, ...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(says);
  expect(readdirSync(folder.path)).toEqual([]);
});

test.skipIf(withoutBrowser)('--pdf prints it', async () => {
  await using folder = await temporaryFolder();
  const { code, stdout } = await report(folder.path, '--date', '2025-11-12', '--pdf');
  expect(code).toBe(0);
  const file = join(folder.path, 'sluice-report-2025-11-12.pdf');
  expect(stdout).toBe(`Wrote ${file}\n`);
  expect(readFileSync(file).subarray(0, 5).toString()).toBe('%PDF-');
});

test('--mail sends it; where a server or a browser is missing it says which setting names it', async () => {
  await using folder = await temporaryFolder();
  await using smtp = await startSmtp();
  const ask = (env: Record<string, string>, ...args: string[]) =>
    sluice(
      ['report', '--date', '2025-11-12', ...args],
      { DATABASE_URL: database.url, CHROMIUM: 'none', ...env },
      [],
      folder.path,
    );
  const server = { SMTP_URL: smtp.url, SMTP_FROM: 'sluice@example.com' };
  expect(await ask(server, '--mail', 'me@example.com')).toMatchObject({
    code: 0,
    stdout: 'The mail server has taken the report of 2025-11-12 for me@example.com.\n',
  });
  expect(smtp.mails.map(({ to }) => to)).toEqual([['me@example.com']]);
  expect(await ask({}, '--mail', 'me@example.com')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('SMTP_URL'),
  });
  expect(await ask({}, '--pdf')).toMatchObject({ code: 2, stderr: expect.stringContaining('CHROMIUM') });
  smtp.refusal = () => 'not here';
  expect(await ask(server, '--mail', 'me@example.com')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('The mail server has not taken it: '),
  });
  expect(readdirSync(folder.path)).toEqual([]);
});
