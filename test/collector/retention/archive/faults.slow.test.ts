import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Archiver } from '../../../../collector/retention/archive/archiver.ts';
import { reading, silent } from '../../../commands/verify/pipeline.ts';
import { until } from '../../../harness/eventually.ts';
import { type Fate, HttpProxy, type Passing } from '../../../harness/http-proxy.ts';
import { type SeaweedFs, startSeaweedFs, withoutSeaweedFs } from '../../../harness/seaweedfs.ts';
import type { House } from '../house.ts';
import { type Storehouse, withStorehouse } from './storehouse.ts';

const BEFORE = '2025-11-05';
const NAME = '2025-11-03_Sensor_1.jsonl';
const program = fileURLToPath(new URL('./archive-process.ts', import.meta.url));

/** Records a day that goes up in two parts, as it can hardly be compressed. */
async function recordMuch(house: House): Promise<void> {
  const lines = Array.from({ length: 800 }, (_, n) =>
    reading('Sensor 1', new Date(Date.UTC(2025, 10, 3) + n * 1000).toISOString(), n, {
      text: randomBytes(12_000).toString('base64'),
    }),
  );
  await house.record(...lines);
  await house.load();
  await house.compress(BEFORE);
}

/** The one object is the file, and nothing is left of other attempts. */
async function expectArchived(storehouse: Storehouse, house: House): Promise<void> {
  using store = await storehouse.open();
  const file = await readFile(join(house.pipeline.raw, `${NAME}.gz`));
  const [key, ...others] = await storehouse.keys();
  expect(others).toEqual([]);
  const head = (await store.head(key!))!;
  expect((await store.bytes(key!, head)).equals(file)).toBe(true);
  const left: string[] = [];
  await store.abortUploads(upload => left.push(upload) < 0);
  expect(left).toEqual([]);
  expect((await storehouse.copies()).get(NAME)).toMatchObject({ key, checksum: head.checksum });
}

const isPart = ({ url }: Passing) => url.includes('partNumber=2');
const isWrite = ({ method }: Passing) => method === 'PUT';

describe.skipIf(withoutSeaweedFs)('faults of the archive', () => {
  let server: SeaweedFs;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const faults: [string, Fate, (passing: Passing) => boolean, RegExp][] = [
    ['500s', 'error', () => true, /500/],
    ['500s in the middle of an upload', 'error', isPart, /500/],
    ['credentials that have expired', 'expired', () => true, /403 ExpiredToken.*Renew the credentials/],
    ['bytes that change on the way', 'corrupt', isWrite, /400|checksum/],
    ['half an upload', 'cut', isPart, /cannot write/],
  ];

  test('cost a delay and nothing else, and are said', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await recordMuch(house);
      await using proxy = await HttpProxy.start(server.port);
      const settings = { ARCHIVE_ENDPOINT: proxy.url };
      for (const [what, fate, isMet, said] of faults) {
        proxy.fate = passing => (isMet(passing) ? fate : 'pass');
        const archiver = await storehouse.archive(settings);
        expect(archiver.reason, what).toMatch(/^1 file waits for the archive: cannot/);
        expect(archiver.reason, what).toMatch(said);
        expect(archiver.counts, what).toMatchObject({ files: 0, failures: 1, waitingFiles: 1 });
        expect(await storehouse.copies(), what).toEqual(new Map());
        expect(await storehouse.keys(), what).toEqual([]);
        expect(await storehouse.remove(BEFORE), what).toBe(0);
      }
      proxy.fate = () => 'slow';
      const archiver = await storehouse.archive(settings);
      expect(archiver.reason).toBeUndefined();
      await expectArchived(storehouse, house);
    });
  });

  test('an answer that never comes does not hold up the end of the collector', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await house.record(reading('Sensor 1', '2025-11-03T10:15:11Z', 1));
      await house.load();
      await house.compress(BEFORE);
      await using proxy = await HttpProxy.start(server.port);
      proxy.fate = () => 'hang';
      const { config } = storehouse;
      const { collector } = house.pipeline;
      const hanging = new Archiver({
        config: { ...config, ARCHIVE_ENDPOINT: proxy.url },
        url: config.ARCHIVE_URL!,
        collector,
        log: silent,
      });
      const running = hanging.run();
      await until('it waits for the archive', () => proxy.requests > 0);
      await hanging.stop();
      await running;
      expect(hanging.failure).toBeUndefined();
    });
  });

  /** Runs a process that archives; it is killed when so many requests are answered, before it knows. @returns whether it was. */
  async function killAt(call: number, proxy: HttpProxy, storehouse: Storehouse): Promise<boolean> {
    const { env, collector } = storehouse.house.pipeline;
    const settings = { ...env, ...storehouse.settings, ARCHIVE_ENDPOINT: proxy.url };
    let calls = 0;
    let child: ChildProcess | undefined;
    proxy.onAnswered = () => {
      if (++calls === call) child?.kill('SIGKILL');
    };
    child = spawn(process.execPath, [program, collector], {
      env: { PATH: process.env.PATH, ...settings },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (signal === null) expect(code).toBe(0);
    return signal === 'SIGKILL';
  }

  test('killed at any request, it is at most an upload again', async () => {
    await withStorehouse(server, async (storehouse, house) => {
      await recordMuch(house);
      await using proxy = await HttpProxy.start(server.port);
      let call = 1;
      while (await killAt(call, proxy, storehouse)) call++;
      await expectArchived(storehouse, house);
      expect(call).toBeGreaterThan(5);
    });
  });
});
