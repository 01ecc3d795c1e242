import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
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

  test('what is not valid is marked the moment it appears, and does not bend the line', () =>
    withPage({}, async ({ page, publish }) => {
      await publish('Sensor 1', 21.5);
      await text(page, 'Sensor 1', '.value b', '21.5');
      await publish('Sensor 1', -127);
      await text(page, 'Sensor 1', '.value b', '-127');
      await text(page, 'Sensor 1', '.badges', /out of range/);
      expect(await cell(page, 'Sensor 1', '').evaluate(row => row.closest('tr')!.className)).toContain(
        'invalid',
      );
      await eventually(async () =>
        expect(await cell(page, 'Sensor 1', 'path.invalid').getAttribute('d')).toMatch(/^M/),
      );
      await publish('Sensor 1', 21.5);
      await text(page, 'Sensor 1', '.badges', /^(?!.*out of range)/);
      await publish('Sensor 1', 21.4, -600);
      await text(page, 'Sensor 1', '.badges', /late/);
      await text(page, 'Sensor 1', '.value b', '21.5');
    }));

  test('a sensor leads to its history by keyboard, and there to others, other times and files', () =>
    withPage({}, async ({ page, http, publish, database }) => {
      await publish('Sensor 3', 18, -120);
      await publish('Sensor 3', 19, -60);
      await publish('Sensor 3', -80, -30);
      await publish('Sensor 4', 25, -90);
      await loaded(database, 4);
      await text(page, 'Sensor 3', '.value b', '-80');
      await page.getByRole('link', { name: 'Sensor 3', exact: true }).focus();
      await page.keyboard.press('Enter');
      const summary = page.locator('#summary');
      await eventually(async () =>
        expect(await summary.textContent()).toBe('Sensor 3: 18 °C to 19 °C, 1 not valid.'),
      );
      await expect(page.locator('#chart canvas').count()).resolves.toBe(1);
      await page.locator('#sensor').fill('Sensor 4');
      await page.keyboard.press('Enter');
      await eventually(async () =>
        expect(await summary.textContent()).toMatch(/Sensor 4: 25 °C to 25 °C\.$/),
      );
      await page.getByRole('button', { name: '1 h', exact: true }).click();
      expect(await page.getByRole('button', { name: '1 h', exact: true }).getAttribute('aria-pressed')).toBe(
        'true',
      );
      const [csv] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'CSV' }).click(),
      ]);
      const rows = (await readFile((await csv.path())!, 'utf8')).trim().split('\n');
      expect(rows[0]).toBe('time,sensor_id,val_mean,val_min,val_max,n,quality');
      expect(rows.map(row => row.split(',').slice(1).join()).sort()).toEqual([
        'Sensor 3,-80,-80,-80,1,out_of_range',
        'Sensor 3,18,18,18,1,valid',
        'Sensor 3,19,19,19,1,valid',
        'Sensor 4,25,25,25,1,valid',
        'sensor_id,val_mean,val_min,val_max,n,quality',
      ]);
      const [png] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'PNG' }).click(),
      ]);
      expect((await readFile((await png.path())!)).subarray(1, 4).toString()).toBe('PNG');
      // The view is in the URL: who is sent it sees the same, and Back leads to the view before.
      expect(new URL(page.url()).search).toBe('?sensor=Sensor+3&sensor=Sensor+4&range=1h');
      await page.getByRole('button', { name: 'Remove Sensor 3' }).click();
      await eventually(async () => expect(await summary.textContent()).toBe('Sensor 4: 25 °C to 25 °C.'));
      await page.goBack();
      await eventually(async () => expect(await summary.textContent()).toMatch(/^Sensor 3: 18/));
      await page.getByRole('button', { name: 'Earlier' }).click();
      await page.getByRole('button', { name: 'Earlier' }).click();
      await page.getByRole('button', { name: 'Earlier' }).click();
      await eventually(async () => expect(await summary.textContent()).toMatch(/no valid reading/));
      await page.goto(`${http}/history?sensor=Sensor+3&from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z`);
      await page.locator('#zone').selectOption('utc');
      await eventually(async () =>
        expect(await page.locator('#from').inputValue()).toMatch(/^2020-01-01T00:00/),
      );
    }));

  test('quality by day, and what a day is made of', () =>
    withPage({}, async ({ page, http, publish, database }) => {
      await publish('Sensor 1', 20, -120);
      await publish('Sensor 1', -127, -119);
      await loaded(database, 2);
      await refresh(database);
      await page.goto(`${http}/quality`);
      const square = page.locator('tr', { hasText: 'Sensor 1' }).getByRole('button').last();
      await square.focus();
      await page.keyboard.press('Enter');
      await eventually(async () =>
        expect(await page.locator('#day-counts').textContent()).toMatch(/Came2.*Valid1.*Out of range1/),
      );
      await page.locator('#find').fill('nobody');
      expect(await page.locator('#heat-none').textContent()).toBe('No sensor matches “nobody”.');
    }));

  test('the pipeline in words, with what was rejected and why', () =>
    withPage({}, async ({ page, http, publish, publishRaw }) => {
      await publish('Sensor 1', 20);
      await publishRaw('no reading');
      await page.goto(`${http}/pipeline`);
      await eventually(async () =>
        expect(await page.locator('#rejects tbody').textContent()).toBe(
          'not JSONplain messagesMQTTsensors/1: no reading1',
        ),
      );
      await eventually(async () =>
        expect(await page.locator('#steps').textContent()).toContain('1 recorded'),
      );
      expect(await page.locator('#since').textContent()).toMatch(/^Counters count since /);
    }));

  test.each(['', 'history?sensor=Sensor+1&range=1h', 'quality', 'pipeline'])(
    'axe finds nothing to say about /%s, light and dark',
    path =>
      withPage({}, async ({ page, http, publish, database }) => {
        await publish('Sensor 1', 21);
        await publish('Sensor 2', -127);
        await publish('nobody knows me', 1);
        await loaded(database, 3);
        await refresh(database);
        await page.goto(`${http}/${path}`);
        await live(page);
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          await page.evaluate(await readFile(fileURLToPath(import.meta.resolve('axe-core')), 'utf8'));
          const violations = await page.evaluate<string[]>(
            `axe.run().then(({ violations }) => violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))`,
          );
          expect(violations).toEqual([]);
        }
      }),
  );

  test('search that finds nothing says so', () =>
    withPage({}, async ({ page }) => {
      await page.locator('#find').fill('no such thing');
      await eventually(async () =>
        expect(await page.locator('#sensors-none').textContent()).toBe('No sensor matches “no such thing”.'),
      );
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

  test('a token that may not read is said to be one, and another can be given; meanwhile nothing piles up', () =>
    withPage({ tokens: 'a-token-that-may-read read\nit-may-only-ingest ingest\n' }, async ({ page }) => {
      const asked: string[] = [];
      page.on('request', request => asked.push(request.url()));
      await page.locator('#token').fill('it-may-only-ingest');
      await page.keyboard.press('Enter');
      await eventually(async () =>
        expect(await page.locator('#token-text').textContent()).toMatch(/has not the right to read/),
      );
      await eventually(async () => expect(await page.locator('#token-dialog').isVisible()).toBe(true));
      asked.length = 0;
      // What asks every two seconds would have asked again by then.
      await page.waitForTimeout(5000);
      expect(asked).toEqual([]);
      await page.locator('#token').fill('a-token-that-may-read');
      await page.keyboard.press('Enter');
      await live(page);
    }));

  test.each<[string, BrowserContextOptions]>([
    ['wide', { viewport: { width: 1280, height: 800 } }],
    ['on a phone, dark', { viewport: { width: 390, height: 740 }, colorScheme: 'dark' }],
  ])('fits the window: %s', (_name, options) =>
    withPage({ options }, async ({ page, http, publish }) => {
      await publish('Sensor 1', 21);
      await text(page, 'Sensor 1', '.value b', '21');
      await publish('A sensor with a name as long as names may be: 50.', -127.123456);
      for (const path of ['', 'history?sensor=Sensor+1', 'quality?days=90', 'pipeline']) {
        await page.goto(`${http}/${path}`);
        await live(page);
        const overflow = await page.evaluate<number>(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        expect([path, overflow]).toEqual([path, 0]);
      }
    }),
  );

  test('1,000 sensors, each with a reading a second: all are shown, and the page has time to do something else', () =>
    withPage({}, async ({ page, publishAll }) => {
      const ids = Array.from({ length: 1000 }, (_, index) => `Load ${index}`);
      await publishAll(ids, 1);
      await eventually(async () =>
        expect(await page.locator('tbody tr').count()).toBeGreaterThanOrEqual(1000),
      );
      // Longer tasks are what a person feels as a stutter.
      await page.evaluate(`
        longest = 0;
        new PerformanceObserver(list => {
          for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
        }).observe({ entryTypes: ['longtask'] })`);
      for (let value = 2; value < 6; value++) {
        await publishAll(ids, value);
        await text(page, 'Load 999', '.value b', String(value));
      }
      const ms = await page.evaluate<number>('longest');
      // The overview is asked for every half a minute, and not again and again for what it has.
      const asked: string[] = [];
      page.on('request', request => asked.push(request.url()));
      await publishAll(ids, 7);
      await text(page, 'Load 999', '.value b', '7');
      expect(asked.filter(url => url.includes('overview')).length).toBeLessThanOrEqual(4);
      console.info(`longest task with 1,000 sensors: ${Math.round(ms)} ms`);
    }));
});

interface Visit extends Surroundings {
  http: string;
  page: Page;
  /** Publishes a reading of now, or `seconds` from now. */
  publish(id: string, value: number, seconds?: number): Promise<void>;
  publishRaw(payload: string): Promise<void>;
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
      http: running.http,
      publish: send,
      publishRaw: async payload => void (await client.publishAsync('sensors/1', payload, { qos: 1 })),
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
