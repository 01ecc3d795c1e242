import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { startEmbedded } from '../harness/broker.ts';
import { databaseServers, type TestDatabase } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import {
  countLines,
  ledgerOf,
  loaded,
  readyOf,
  receiving,
  startCollector,
  withSurroundings,
} from '../harness/pipeline.ts';
import { TcpProxy } from './proxy.ts';

/** Readings of one sensor, each a second after the one before. */
function readings(count: number, from = 0): string[] {
  const begin = Date.UTC(2025, 10, 12);
  return Array.from({ length: count }, (_, index) =>
    payloadOf('Sensor 1', new Date(begin + (from + index) * 1000).toISOString(), (from + index) % 40),
  );
}

interface Collecting {
  database: TestDatabase;
  proxy: TcpProxy;
  http: string;
  publish(payloads: string[]): Promise<void>;
  /** Resolves when the raw files have this many lines. */
  recorded(lines: number): Promise<void>;
}

/** Lends a collector that records, and whose way to the database leads through a proxy. */
function withCollector(use: (collecting: Collecting) => Promise<void>): Promise<void> {
  return withSurroundings(
    databaseServers()[0]!,
    startEmbedded,
    async ({ broker, database, dataDir, config }) => {
      const url = new URL(database.url);
      await using proxy = await TcpProxy.start(Number(url.port));
      url.port = String(proxy.port);
      await using running = await startCollector({ ...config, DATABASE_URL: url.href });
      await receiving(running.http);
      await use({
        database,
        proxy,
        http: running.http,
        publish: payloads => publish(broker.url, payloads),
        recorded: lines => eventually(async () => expect(await countLines(join(dataDir, 'raw'))).toBe(lines)),
      });
      // Also at the end nothing waits on a dead connection.
      proxy.forward();
    },
  );
}

const exactly = (lines: number) => ({ lines, stored: lines, duplicates: 0, conflicts: 0, rejected: 0 });

async function expectExactlyOnce(database: TestDatabase, lines: number): Promise<void> {
  expect(await ledgerOf(database)).toEqual(exactly(lines));
  const [{ count }] = await database.query('SELECT count(*)::int FROM silver.sensor_reading');
  expect(count).toBe(lines);
}

const outages: {
  name: string;
  begin(collecting: Collecting): Promise<void>;
  end(collecting: Collecting): Promise<void>;
}[] = [
  {
    name: 'refuses',
    begin: async ({ proxy }) => proxy.refuse(),
    end: async ({ proxy }) => proxy.forward(),
  },
  {
    name: 'is read-only',
    begin: ({ database }) => readOnly(database, true),
    end: ({ database }) => readOnly(database, false),
  },
];

async function readOnly(database: TestDatabase, on: boolean): Promise<void> {
  const name = new URL(database.url).pathname.slice(1);
  await database.query('SET default_transaction_read_only = off');
  await database.query(`ALTER DATABASE ${name} SET default_transaction_read_only = ${on}`);
  await database.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
    [name],
  );
}

test.for(outages)(
  'while the database $name recording goes on, and loading catches up by itself',
  ({ begin, end }) =>
    withCollector(async collecting => {
      const { database, http, recorded } = collecting;
      await collecting.publish(readings(100));
      await loaded(database, 100);
      await begin(collecting);
      const before = new Date().toISOString();
      await collecting.publish(readings(900, 100));
      await recorded(1000);
      await eventually(async () => {
        const { code, body } = await readyOf(http);
        // Without a database it is ready still: a restart would mend nothing.
        expect(code).toBe(200);
        expect(body.recording).toEqual({ ok: true });
        expect(body.database).toMatchObject({ connected: false, reason: expect.any(String) });
        expect(body.pending_bytes).toBeGreaterThan(0);
      });
      const since = (await readyOf(http)).body.database.since;
      expect(Math.abs(Date.parse(since) - Date.parse(before))).toBeLessThan(60_000);
      await collecting.publish(readings(100, 1000));
      await recorded(1100);
      expect((await readyOf(http)).body.database.since).toBe(since);
      await end(collecting);
      await loaded(database, 1100);
      await expectExactlyOnce(database, 1100);
      await eventually(async () => expect((await readyOf(http)).body.database).toEqual({ connected: true }));
    }),
);

test('while the database hangs recording goes on, and loading catches up by itself', () =>
  withCollector(async ({ database, proxy, publish, recorded }) => {
    await publish(readings(100));
    await loaded(database, 100);
    proxy.hang();
    await publish(readings(900, 100));
    await recorded(1000);
    expect((await ledgerOf(database)).lines).toBe(100);
    proxy.forward();
    await loaded(database, 1000);
    await expectExactlyOnce(database, 1000);
  }));

test('connections that are reset in the middle of loading cost nothing', () =>
  withCollector(async ({ database, proxy, publish }) => {
    let done = false;
    const resetting = (async () => {
      while (!done) {
        const { lines } = await ledgerOf(database);
        await new Promise(resolve => setImmediate(resolve));
        // A statement has just been answered, others are on their way: at some of them the network breaks.
        proxy.reset();
        await eventually(async () =>
          expect(done || (await ledgerOf(database)).lines !== lines).toBe(true),
        ).catch(() => undefined);
      }
    })();
    for (let from = 0; from < 2000; from += 200) await publish(readings(200, from));
    await loaded(database, 2000);
    done = true;
    await resetting;
    await expectExactlyOnce(database, 2000);
  }));

test('a COMMIT whose answer is lost is neither done again nor forgotten', () =>
  withCollector(async ({ database, proxy, publish }) => {
    await publish(readings(50));
    await loaded(database, 50);
    for (let from = 50; from < 250; from += 50) {
      const lost = proxy.loseNextCommitAnswer();
      await publish(readings(50, from));
      expect(await lost).toBe(true);
      await loaded(database, from + 50);
    }
    await expectExactlyOnce(database, 250);
  }));

test('a loader thread that dies is started again; the recorder does not notice', async () => {
  const workers: Worker[] = [];
  const note = (worker: Worker) => workers.push(worker);
  process.on('worker', note);
  try {
    await withCollector(async ({ database, http, publish, recorded }) => {
      await publish(readings(100));
      await loaded(database, 100);
      const [first] = workers;
      await first!.terminate();
      await publish(readings(400, 100));
      await recorded(500);
      expect((await readyOf(http)).body.broker.connected).toBe(true);
      await loaded(database, 500);
      expect(workers.length).toBeGreaterThan(1);
      await expectExactlyOnce(database, 500);
    });
  } finally {
    process.off('worker', note);
  }
});
