import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeReport } from '../../../../collector/outlet/report/report.ts';
import { withDatabase } from '../../../harness/database.ts';
import { temporaryFolder } from '../../../harness/server.ts';
import { playDay } from './example.ts';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const EVIL = `<script>document.title = 'taken'</script>`;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let browser: Browser;

// CI has to have it, so there they fail instead.
describe.skipIf(!existsSync(CHROMIUM) && process.env.CI === undefined)('in a browser', () => {
  beforeAll(async () => {
    folder = await temporaryFolder();
    await withDatabase(async database => {
      await playDay(database, '2025-11-12', [
        { id: 'Sensor 1', gaps: [[480, 760]], mean: minute => 20 + 5 * Math.sin(minute / 200) },
        { id: EVIL, location: 'x'.repeat(50) },
        { id: '🌡'.repeat(50), registered: false },
        { id: `\u202e${'ש'.repeat(49)}`, faults: [[0, 400]] },
      ]);
      const client = new pg.Client(database.url);
      await client.connect();
      writeFileSync(join(folder.path, 'report.html'), await makeReport(client, '2025-11-12'));
      await client.end();
    });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await folder?.[Symbol.asyncDispose]();
  });

  async function open(width: number, colorScheme: 'light' | 'dark' = 'light') {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const told: string[] = [];
    page.on('console', message => told.push(message.text()));
    page.on('pageerror', error => told.push(error.message));
    page.on('request', request => told.push(request.url()));
    await page.goto(`file://${join(folder.path, 'report.html')}`);
    return { page, told };
  }

  test('it asks for nothing, complains of nothing, and runs nothing', async () => {
    const { page, told } = await open(1280);
    expect(told).toEqual([`file://${join(folder.path, 'report.html')}`]);
    expect(await page.title()).toBe('Data quality, Wednesday, 12 November 2025');
    expect(await page.getByRole('rowheader', { name: EVIL }).count()).toBe(1);
    await page.close();
  });

  test.each([1280, 390])('at %i pixels nothing is wider than the screen', async width => {
    const { page } = await open(width);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    await page.close();
  });

  test('charts have names, tables headers and captions, and a link leads to a chart', async () => {
    const { page } = await open(1280);
    const table = page.getByRole('table', { name: 'What came of each sensor, by score, worst first' });
    expect(await table.getByRole('rowheader').count()).toBe(4);
    expect(await table.getByRole('columnheader').count()).toBe(12);
    const card = page.getByRole('article', { name: 'Sensor 1' });
    expect(await card.getByRole('img').getAttribute('aria-label')).toBe(
      'One-minute means from 00:00 to 24:00, values 14 to 26, 1 gap',
    );
    await table.getByRole('link', { name: 'Sensor 1' }).click();
    expect(await card.evaluate(element => element.getBoundingClientRect().top)).toBeLessThan(900);
    await page.close();
  });

  test('charts take the colours of light and dark', async () => {
    const colours = await Promise.all(
      (['light', 'dark'] as const).map(async scheme => {
        const { page } = await open(1280, scheme);
        const line = `document.querySelector('article path[stroke="var(--line)"]')`;
        const colour = await page.evaluate(`getComputedStyle(${line}).stroke`);
        await page.close();
        return colour;
      }),
    );
    expect(colours).toEqual(['rgb(31, 95, 191)', 'rgb(130, 180, 255)']);
  });
});
