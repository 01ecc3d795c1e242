import { writeFile } from 'node:fs/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEmbedded } from '../../harness/broker.ts';
import { startBrowser, withoutBrowser } from '../../harness/browser.ts';
import { databaseServers } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import {
  configFor,
  loaded,
  receiving,
  refresh,
  type Surroundings,
  startCollector,
  withSurroundings,
} from '../../harness/pipeline.ts';
import { freePort } from '../../harness/server.ts';

let browser: Browser;

describe.skipIf(withoutBrowser)('the page in a real browser', () => {
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  test('shows values as they come, each with its unit, place and age', () =>
    withPage({}, async ({ page, publish }) => {
      await publish('Sensor 1', 21.5);
      await text(page, 'Sensor 1', '.value b', '21.5');
      await text(page, 'Sensor 1', '.value small', '°C');
      await text(page, 'Sensor 1', '.place', 'Hall 1');
      await text(page, 'Sensor 1', '.age', /^\d+ s$/);
      await publish('Sensor 1', 22.25);
      await text(page, 'Sensor 1', '.value b', '22.25');
      await expect(page.locator('#connection').textContent()).resolves.toBe('Live');
    }));

  test('a sensor that stops turns stale, and one that goes on does not', () =>
    withPage({}, async ({ page, publish }) => {
      await publish('Sensor 1', 20);
      await text(page, 'Sensor 1', '.value b', '20');
      let value = 30;
      await eventually(async () => {
        value += 0.5;
        await publish('Sensor 2', value);
        await text(page, 'Sensor 2', '.value b', String(value));
        expect(await isStale(page, 'Sensor 1')).toBe(true);
      });
      expect(await isStale(page, 'Sensor 2')).toBe(false);
      await text(page, 'Sensor 1', '.badges', 'stale');
      await publish('Sensor 1', 20.5);
      await eventually(async () => expect(await isStale(page, 'Sensor 1')).toBe(false));
    }));

  test('a lost connection is shown, and it recovers by itself', () =>
    withPage({}, async ({ page, publish, stop, start }) => {
      await publish('Sensor 1', 21);
      await text(page, 'Sensor 1', '.value b', '21');
      await stop();
      await eventually(async () =>
        expect(await page.locator('#connection').textContent()).toMatch(/Connection lost/),
      );
      await start();
      await live(page);
      await publish('Sensor 1', 23);
      await text(page, 'Sensor 1', '.value b', '23');
    }));

  test('a sensor opens its chart by keyboard, with the means of the last hour and each new reading', () =>
    withPage({}, async ({ page, publish, database }) => {
      await publish('Sensor 3', 18, -120);
      await publish('Sensor 3', 19, -60);
      await loaded(database, 2);
      await refresh(database);
      await page.reload();
      const name = page.getByRole('button', { name: 'Sensor 3', exact: true });
      await name.focus();
      await page.keyboard.press('Enter');
      await eventually(async () =>
        expect(await page.locator('#chart-text').textContent()).toMatch(/^From 18 to 19 °C/),
      );
      await publish('Sensor 3', 24);
      await eventually(async () =>
        expect(await page.locator('#chart-text').textContent()).toMatch(/^From 18 to 24 °C/),
      );
      await expect(page.locator('#chart canvas').count()).resolves.toBe(1);
      await page.getByRole('button', { name: 'Close' }).click();
      await expect(page.locator('#chart-section').isVisible()).resolves.toBe(false);
    }));

  test('names are text, whatever they hold', () =>
    withPage({}, async ({ page, publish }) => {
      const name = '<img src=x onerror=document.title=1>';
      await publish(name, 7);
      await text(page, name, '.value b', '7');
      expect(await page.title()).toBe('Sluice');
      await text(page, name, '.badges', 'not registered');
    }));

  test('where a token is needed the page asks for it, and keeps it for this tab', () =>
    withPage({ tokens: 'a-token-that-may-read read\n' }, async ({ page, publish }) => {
      await page.locator('#token').fill('a-token-that-may-read');
      await page.keyboard.press('Enter');
      await live(page);
      await publish('Sensor 1', 25);
      await text(page, 'Sensor 1', '.value b', '25');
    }));

  test.each<[string, BrowserContextOptions]>([
    ['wide', { viewport: { width: 1280, height: 800 } }],
    ['on a phone, dark', { viewport: { width: 360, height: 740 }, colorScheme: 'dark' }],
  ])('fits the window: %s', (_name, options) =>
    withPage({ options }, async ({ page, publish }) => {
      await publish('Sensor 1', 21);
      await text(page, 'Sensor 1', '.value b', '21');
      const overflow = await page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(overflow).toBeLessThanOrEqual(0);
    }),
  );

  test('200 sensors, each with a reading a second, leave the page time to do something else', () =>
    withPage({}, async ({ page, publishAll }) => {
      const ids = Array.from({ length: 200 }, (_, index) => `Load ${index}`);
      await publishAll(ids, 1);
      await eventually(async () =>
        expect(await page.locator('tbody tr').count()).toBeGreaterThanOrEqual(200),
      );
      // Longer tasks are what a person feels as a stutter.
      await page.evaluate(`
        longest = 0;
        new PerformanceObserver(list => {
          for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
        }).observe({ entryTypes: ['longtask'] })`);
      for (let value = 2; value < 6; value++) {
        await publishAll(ids, value);
        await text(page, 'Load 199', '.value b', String(value));
      }
      const ms = await page.evaluate<number>('longest');
      console.info(`longest task with 200 sensors: ${Math.round(ms)} ms`);
    }));
});

interface Visit extends Surroundings {
  page: Page;
  /** Publishes a reading of now, or `seconds` from now. */
  publish(id: string, value: number, seconds?: number): Promise<void>;
  publishAll(ids: string[], value: number): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

interface Choice {
  options?: BrowserContextOptions;
  /** Content of HTTP_TOKENS_FILE. */
  tokens?: string;
}

/** Opens the page of a collector of its own; any error in it fails the test. */
async function withPage({ options, tokens }: Choice, use: (visit: Visit) => Promise<void>): Promise<void> {
  await withSurroundings(databaseServers()[0]!, startEmbedded, async surroundings => {
    await using stack = new AsyncDisposableStack();
    const { broker, database, dataDir } = surroundings;
    const env: Record<string, string> = {
      MQTT_URL: broker.url,
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      HTTP_PORT: String(await freePort()),
    };
    if (tokens !== undefined) env.HTTP_TOKENS_FILE = await written(`${dataDir}-tokens`, tokens);
    const config = configFor(env);
    let running = await startCollector(config);
    stack.defer(() => running[Symbol.asyncDispose]());
    if (tokens === undefined) await receiving(running.http);
    const client: MqttClient = await connectAsync(broker.url);
    stack.defer(async () => {
      await client.endAsync();
    });
    const context = await browser.newContext(options);
    stack.defer(() => context.close());
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', error => errors.push(error.message));
    await page.goto(running.http);
    if (tokens === undefined) await live(page);
    const send = async (id: string, value: number, seconds = 0) => {
      const dt = new Date(Date.now() + seconds * 1000).toISOString();
      await client.publishAsync('sensors/1', JSON.stringify({ id, dt, value }), { qos: 1 });
    };
    await use({
      ...surroundings,
      page,
      publish: send,
      publishAll: async (ids, value) => void (await Promise.all(ids.map(id => send(id, value)))),
      stop: async () => {
        await running[Symbol.asyncDispose]();
      },
      start: async () => {
        running = await startCollector(config);
        await receiving(running.http);
      },
    });
    expect(errors).toEqual([]);
  });
}

async function written(path: string, content: string): Promise<string> {
  await writeFile(path, content);
  return path;
}

/** Resolves when the page hears of new readings. */
function live(page: Page): Promise<void> {
  return eventually(async () => expect(await page.locator('#connection').textContent()).toBe('Live'));
}

function cell(page: Page, sensor: string, selector: string) {
  return page.locator(`tr[data-sensor=${JSON.stringify(sensor)}] ${selector}`);
}

/** Resolves when a cell of a sensor's row has this text. */
async function text(page: Page, sensor: string, selector: string, wanted: string | RegExp): Promise<void> {
  await eventually(async () => {
    const found = (await cell(page, sensor, selector).allTextContents())[0];
    if (typeof wanted === 'string') expect(found).toBe(wanted);
    else expect(found).toMatch(wanted);
  });
}

function isStale(page: Page, sensor: string): Promise<boolean> {
  return cell(page, sensor, '').evaluate(row => row.closest('tr')!.classList.contains('stale'));
}
