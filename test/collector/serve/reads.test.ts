import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Reads } from '../../../collector/serve/reads.ts';
import { Throttle } from '../../../collector/serve/throttle.ts';
import { TcpProxy } from '../../faults/proxy.ts';
import { withDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { collecting } from './collecting.ts';

/** Enough that an answer fits in no buffer on the way, unless it is compressed. */
const ROWS = 400_000;
const FILL = `INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
  SELECT timestamptz '2024-05-01' + n * interval '10 ms', 'Voltage', n, 'valid' FROM generate_series(1, ${ROWS}) n`;
/** Well before the pool gives up a connection that nobody uses: who left it in a transaction is to be seen. */
const SOON_MS = 7000;
const headers = { 'accept-encoding': 'identity' };
const READERS = `SELECT count(*)::int AS n FROM pg_stat_activity
  WHERE application_name = 'sluice http' AND datname = current_database() AND state <> 'idle'`;

test('readers that go away, or do not go on, hold no connection and no memory', async () => {
  await withDatabase(async database => {
    await database.query(FILL);
    await using running = await collecting({ DATABASE_URL: database.url });
    const url = `${running.http}/data?from=2024-05-01&to=2024-05-01`;
    const before = process.memoryUsage().rss;
    // Four at once, none of which reads more than the beginning.
    const leaving = new AbortController();
    const streams = await Promise.all(
      [1, 2, 3, 4].map(() => fetch(url, { headers, signal: leaving.signal })),
    );
    const readers = streams.map(({ body }) => body!.getReader());
    for (const reader of readers) await reader.read();
    expect(await database.query(READERS)).toEqual([{ n: 4 }]);
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
    // A fifth waits for one of them to end, but not for ever; a short question is answered at once.
    const fifth = await fetch(url);
    expect([fifth.status, fifth.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await fifth.json()).toMatchObject({ message: '4 others are reading already.' });
    expect((await fetch(`${running.http}/api/v1/sensors?limit=1`)).status).toBe(200);
    leaving.abort();
    // Also keeps them until here: an answer that nobody refers to any more is cancelled.
    for (const reader of readers) await expect(reader.closed).rejects.toThrow();
    await eventually(async () => expect(await database.query(READERS)).toEqual([{ n: 0 }]), SOON_MS);
    const rest = await (await fetch(url)).text();
    expect(JSON.parse(rest)).toHaveLength(ROWS);
    await eventually(async () => expect(await database.query(READERS)).toEqual([{ n: 0 }]), SOON_MS);
  });
});

test('the database goes away: 503 with Retry-After, an answer that has begun is cut, and then all is as before', async () => {
  await withDatabase(async database => {
    await database.query(FILL);
    const address = new URL(database.url);
    await using proxy = await TcpProxy.start(Number(address.port));
    address.port = String(proxy.port);
    await using running = await collecting({ DATABASE_URL: address.href });
    const url = `${running.http}/data?from=2024-05-01&to=2024-05-01`;
    const begun = await fetch(url, { headers });
    const reader = begun.body!.getReader();
    await reader.read();
    proxy.refuse();
    const read = async () => {
      while (!(await reader.read()).done);
    };
    await expect(read()).rejects.toThrow();
    for (const path of [
      '/data?from=2024-05-01&to=2024-05-01',
      '/api/v1/sensors',
      '/api/v1/sensors/a/readings',
    ]) {
      const refused = await fetch(`${running.http}${path}`);
      expect([path, refused.status, refused.headers.get('retry-after')]).toEqual([path, 503, '5']);
      expect(await refused.json()).toMatchObject({ message: expect.stringContaining('database') });
    }
    proxy.forward();
    await eventually(async () => expect((await fetch(`${running.http}/api/v1/sensors`)).status).toBe(200));
  });
});

test('a database that is empty yet: 503, not an error of ours', async () => {
  await withDatabase(
    async database => {
      await using running = await collecting({ DATABASE_URL: database.url });
      // The loader migrates it sooner or later; what is asked before is answered with 503.
      const codes = new Set<number>();
      await eventually(async () => {
        const { status } = await fetch(`${running.http}/api/v1/sensors`);
        codes.add(status);
        expect(status).toBe(200);
      });
      expect([...codes].filter(code => code !== 503)).toEqual([200]);
    },
    { migrated: false },
  );
});

test('what the database is slow to answer is logged by its name, and timed', async () => {
  await withDatabase(async database => {
    const lines: Record<string, unknown>[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line)) });
    const turn = new Throttle(() => false);
    const timed: string[] = [];
    const reads = new Reads(database.url, log, turn, 50);
    reads.onAnswered = query => timed.push(query);
    await reads.query('quick', 'SELECT 1');
    await reads.query('slow', 'SELECT\n  pg_sleep($1)', [0.2]);
    await reads.stop();
    expect(timed).toEqual(['quick', 'slow']);
    expect(lines).toMatchObject([{ query: 'slow', sql: 'SELECT pg_sleep($1)', ms: expect.any(Number) }]);
    const silent = new Reads(database.url, log, turn, 0);
    await silent.query('slow', 'SELECT pg_sleep(0.2)');
    await silent.stop();
    expect(lines).toHaveLength(1);
  });
});
