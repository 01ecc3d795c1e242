import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TcpProxy } from '../faults/proxy.ts';
import { brokers } from '../harness/broker.ts';
import { databaseServers } from '../harness/database.ts';
import { eventually } from '../harness/eventually.ts';
import { payloadOf, publish } from '../harness/mqtt.ts';
import {
  countLines,
  ledgerOf,
  linesIn,
  loaded,
  readyOf,
  receiving,
  refresh,
  type Surroundings,
  startCollector,
  withSurroundings,
} from '../harness/pipeline.ts';

const SENSORS = ['Sensor 1', 'Sensor 2', 'Sensor 3', 'Sensor 4', 'Sensor 5'];

/** A reading a second of each sensor, as strings; values have no short binary form, so that sums show their order. */
function readings(seconds: number) {
  return Array.from({ length: seconds }, (_, second) =>
    SENSORS.map(id =>
      payloadOf(id, new Date(Date.UTC(2025, 10, 12, 10, 15, second)).toISOString(), 20 + (second % 9) / 10),
    ),
  ).flat();
}

const combinations = databaseServers().flatMap(server => brokers.map(broker => ({ server, broker })));

describe.for(combinations)('on $broker.name, and $server.name', ({ server, broker: { start, missing } }) => {
  const pipelineTest = (name: string, use: (surroundings: Surroundings) => Promise<void>) =>
    test.skipIf(missing)(name, () => withSurroundings(server, start, use));

  pipelineTest('readings end in raw files byte for byte, in silver, and in gold', async surroundings => {
    const { broker, database, dataDir, config } = surroundings;
    const sent = readings(90);
    await using running = await startCollector(config);
    await receiving(running.http);
    await publish(
      broker.url,
      sent.map((payload, n) => ({ topic: `sensors/${(n % 5) + 1}`, payload })),
    );
    await loaded(database, sent.length);
    expect(await linesIn(join(dataDir, 'raw'))).toEqual(
      new Map(
        SENSORS.map(id => [
          `2025-11-12_${id.replace(' ', '_')}.jsonl`,
          sent.filter(payload => payload.includes(`"${id}"`)),
        ]),
      ),
    );
    const rows = await database.query(
      'SELECT time, sensor_id, value, quality FROM silver.sensor_reading ORDER BY time, sensor_id',
    );
    expect(rows).toEqual(
      sent.map(payload => {
        const { id, dt, value } = JSON.parse(payload);
        return { time: new Date(dt), sensor_id: id, value, quality: 'valid' };
      }),
    );
    expect(await ledgerOf(database)).toEqual({
      lines: 450,
      stored: 450,
      duplicates: 0,
      conflicts: 0,
      rejected: 0,
    });
    expect(running.collector.progress).toMatchObject({
      received: 450,
      recorded: 450,
      rejected: 0,
      stored: 450,
    });

    await refresh(database);
    const sumOf = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) => 20 + ((from + n) % 9) / 10).reduce(
        (sum, value) => sum + value,
        0,
      );
    expect(
      await database.query(
        'SELECT bucket, sensor_id, val_mean, n::int FROM gold.reading_1min_mean ORDER BY 1, 2',
      ),
    ).toEqual(
      [
        { bucket: new Date('2025-11-12T10:15:00Z'), val_mean: sumOf(0, 60) / 60, n: 60 },
        { bucket: new Date('2025-11-12T10:16:00Z'), val_mean: sumOf(60, 90) / 30, n: 30 },
      ].flatMap(mean => SENSORS.map(sensor_id => ({ ...mean, sensor_id }))),
    );
  });

  pipelineTest(
    'what is published while the collector is down arrives when it is back',
    async surroundings => {
      const { broker, database, dataDir, config } = surroundings;
      const sent = readings(40);
      let published = 0;
      let before = 0;
      for (const part of [sent.slice(0, 50), sent.slice(50, 120), sent.slice(120)]) {
        await using running = await startCollector(config);
        await receiving(running.http);
        // A stop in the middle would leave some of them to the next one.
        await eventually(() => expect(running.collector.progress.recorded).toBe(published - before));
        await running.collector.stop();
        await publish(broker.url, part);
        before = published;
        published += part.length;
      }
      await using running = await startCollector(config);
      await loaded(database, sent.length);
      expect(await countLines(join(dataDir, 'raw'))).toBe(sent.length);
      expect(await ledgerOf(database)).toMatchObject({ lines: sent.length, stored: sent.length });
      expect(running.collector.progress.received).toBe(sent.length - 120);
    },
  );

  pipelineTest(
    'what is sent twice is stored once; another value for the same key is kept beside it',
    async surroundings => {
      const { broker, database, dataDir, config } = surroundings;
      await using running = await startCollector(config);
      await receiving(running.http);
      const sent = readings(10);
      const other = payloadOf('Sensor 1', '2025-11-12T10:15:00.000Z', 44);
      await publish(broker.url, [...sent, ...sent]);
      await publish(broker.url, [other, ...sent]);
      await loaded(database, 151);
      expect(await countLines(join(dataDir, 'raw'))).toBe(151);
      expect(await ledgerOf(database)).toEqual({
        lines: 151,
        stored: 50,
        duplicates: 100,
        conflicts: 1,
        rejected: 0,
      });
      expect(
        await database.query('SELECT stored_value, conflicting_value FROM silver.conflicting_reading'),
      ).toEqual([{ stored_value: 20, conflicting_value: 44 }]);
    },
  );

  pipelineTest('before there is a database it records; when there is one it loads', async surroundings => {
    const { broker, database, dataDir, config } = surroundings;
    const address = new URL(database.url);
    await using proxy = await TcpProxy.start(Number(address.port));
    proxy.refuse();
    address.port = String(proxy.port);
    await using running = await startCollector({ ...config, DATABASE_URL: address.href });
    await receiving(running.http);
    await publish(broker.url, readings(20));
    await eventually(async () => expect(await countLines(join(dataDir, 'raw'))).toBe(100));
    await eventually(async () => {
      const { code, body } = await readyOf(running.http);
      expect(code).toBe(200);
      expect(body.database).toMatchObject({ connected: false, reason: expect.stringMatching(/\S/) });
    });
    proxy.forward();
    await loaded(database, 100);
    expect(await ledgerOf(database)).toMatchObject({ lines: 100, stored: 100 });
    await eventually(async () => {
      const { body } = await readyOf(running.http);
      expect(body).toMatchObject({ database: { connected: true }, pending_bytes: 0 });
    });
  });

  pipelineTest(
    'stop(): what is recorded is loaded, refreshed and acknowledged; the folder is free',
    async surroundings => {
      const { broker, database, dataDir, config } = surroundings;
      const sent = readings(200);
      // Batches that would not be due for a minute: stopping loads what waits for them.
      const slow = { ...config, BATCH_MS: 60_000, BATCH_ROWS: 1_000_000 };
      const first = await startCollector(slow);
      await receiving(first.http);
      await eventually(async () => expect((await readyOf(first.http)).body.database.connected).toBe(true));
      const publishing = publish(broker.url, sent);
      await eventually(() => expect(first.collector.progress.recorded).toBeGreaterThan(0));
      await first.collector.stop();
      const recorded = await countLines(join(dataDir, 'raw'));
      expect(await ledgerOf(database)).toMatchObject({ lines: recorded, stored: recorded });
      const [gold] = await database.query('SELECT sum(n)::int AS n FROM gold.reading_1min_mean');
      expect(gold).toEqual({ n: recorded });
      expect(await readdir(dataDir)).not.toContain('collector.lock');
      await publishing;

      await using second = await startCollector(config);
      await loaded(database, sent.length);
      // Acknowledged is acknowledged: nothing came twice.
      expect(second.collector.progress.received).toBe(sent.length - recorded);
      expect(await ledgerOf(database)).toMatchObject({ stored: sent.length, duplicates: 0 });
    },
  );

  pipelineTest(
    'a connection to the database that breaks while nothing comes is noticed and made again',
    async surroundings => {
      const { broker, database, config } = surroundings;
      await using running = await startCollector(config);
      await receiving(running.http);
      const loader = `FROM pg_stat_activity WHERE application_name = 'sluice loader' AND datname = current_database()`;
      const pidOf = async () => (await database.query<{ pid: number }>(`SELECT pid ${loader}`))[0]?.pid;
      const first = await eventually(async () => {
        const pid = await pidOf();
        expect(pid).toBeDefined();
        expect((await readyOf(running.http)).body.database.connected).toBe(true);
        return pid;
      });
      await database.query(`SELECT pg_terminate_backend(pid) ${loader}`);
      await eventually(async () => {
        const pid = await pidOf();
        expect(pid).toBeDefined();
        expect(pid).not.toBe(first);
      });
      await publish(broker.url, readings(2));
      await loaded(database, 10);
    },
  );
});
