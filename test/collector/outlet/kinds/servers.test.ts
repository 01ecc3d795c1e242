import { describe, expect, test } from 'vitest';
import { DeadLetters } from '../../../../collector/outlet/dead-letters.ts';
import type { Consumer } from '../../../../collector/outlet/kind.ts';
import { kinds } from '../../../../collector/outlet/kinds.ts';
import type { Message } from '../../../../collector/outlet/message.ts';
import { readOutlets } from '../../../../collector/outlet/outlets-file.ts';
import { loadNats } from '../../../../collector/source/jetstream/nats-client.ts';
import { eventually } from '../../../harness/eventually.ts';
import { startNats, withoutNats } from '../../../harness/nats.ts';
import { silent } from '../../../harness/pipeline.ts';
import { startRedis, withoutRedis, withRedis } from '../../../harness/redis.ts';

const readings = (n: number): Message[] =>
  Array.from({ length: n }, (_, index) => ({
    id: `x:${index}`,
    sensorId: `s${index}`,
    time: '2025-11-12T10:15:01Z',
    fields: { value: index, quality: 'valid' },
  }));

/** Connects to the other side of an outlet. */
async function open(entry: object): Promise<Consumer & Disposable> {
  const around = { broker: 'mqtt://elsewhere', subscribed: [] };
  const [outlet] = readOutlets(JSON.stringify({ outlets: [{ name: 'o', ...entry }] }), around);
  const closing = new AbortController();
  const context = {
    name: 'o',
    deadLetters: new DeadLetters('/nowhere', 'o'),
    log: silent,
    signal: closing.signal,
  };
  const consumer = await kinds.find(({ name }) => name === outlet!.kind)!.open(outlet as never, context);
  const dispose = () => {
    closing.abort();
    consumer.close();
  };
  return { ...consumer, [Symbol.dispose]: dispose };
}

describe.skipIf(withoutRedis)('Redis', () => {
  test('a list never becomes longer than max_length, whoever else puts something into it', async () => {
    await using redis = await startRedis();
    const entry = { kind: 'redis-list', url: redis.url, key: 'k', max_length: 100, in_flight: 60 };
    using one = await open(entry);
    using other = await open(entry);
    await withRedis(redis.url, async client => {
      let taken = 0;
      let longest = 0;
      let isSending = true;
      const sending = Promise.all(
        [one, other].flatMap(consumer => [60, 60, 60].map(n => consumer.send(readings(n)))),
      ).finally(() => {
        isSending = false;
      });
      while (isSending || (await client.lLen('k')) > 0) {
        longest = Math.max(longest, await client.lLen('k'));
        if ((await client.rPop('k')) !== null) taken++;
      }
      await sending;
      expect(longest).toBeLessThanOrEqual(100);
      expect(longest).toBeGreaterThan(50);
      expect(taken).toBe(360);
    });
  });

  test('a list that stays full is named as the reason', async () => {
    await using redis = await startRedis();
    using consumer = await open({
      kind: 'redis-list',
      url: redis.url,
      key: 'k',
      max_length: 60,
      in_flight: 60,
    });
    await consumer.send(readings(60));
    await expect(consumer.send(readings(1))).rejects.toThrow(
      'the list k is full: its consumer has left 60 texts in it (max_length 60)',
    );
  });

  test('a stream has an entry a message, in order, with its fields', async () => {
    await using redis = await startRedis();
    using consumer = await open({ kind: 'redis-stream', url: redis.url, key: 'k' });
    await Promise.all([consumer.send(readings(1200)), consumer.send(readings(3))]);
    const odd = { ...readings(1)[0]!, sensorId: "Wärme '1'\r\n", fields: { val_mean: 0.1, n: 60 } };
    await consumer.send([odd]);
    const entries = await withRedis(redis.url, client => client.xRange('k', '-', '+'));
    expect(entries).toHaveLength(1204);
    expect(entries![1199]!.message).toEqual({
      id: 'x:1199',
      sensor_id: 's1199',
      time: '2025-11-12T10:15:01Z',
      value: '1199',
      quality: 'valid',
    });
    expect(entries!.slice(0, 1200).map(({ message }) => Number(message.value))).toEqual(
      Array.from({ length: 1200 }, (_, index) => index),
    );
    expect(entries!.at(-1)!.message).toMatchObject({ sensor_id: odd.sensorId, val_mean: '0.1', n: '60' });
  });

  test('a stream with max_length keeps about so many entries', async () => {
    await using redis = await startRedis();
    using consumer = await open({ kind: 'redis-stream', url: redis.url, key: 'k', max_length: 100 });
    await consumer.send(readings(2000));
    // Redis removes whole nodes, of 100 entries each.
    const length = await withRedis(redis.url, client => client.xLen('k'));
    expect(length).toBeGreaterThanOrEqual(100);
    expect(length).toBeLessThanOrEqual(200);
  });
});

describe.skipIf(withoutNats)('NATS', () => {
  test('a subject that no stream captures is named, with what to do', async () => {
    await using nats = await startNats();
    using consumer = await open({ kind: 'jetstream', url: nats.natsUrl, subject: 'out.readings' });
    await expect(consumer.send(readings(1))).rejects.toThrow(
      'no JetStream stream captures the subject out.readings.s0: add out.readings.> to the subjects of a stream, or set subject to what one captures; JetStream itself must be on in the server',
    );
    const { connect, jetstreamManager } = await loadNats();
    const connection = await connect({ servers: nats.natsUrl });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: 'readings', subjects: ['out.readings.>'] });
    await consumer.send(readings(1));
    await eventually(async () => expect((await manager.streams.info('readings')).state.messages).toBe(1));
    await connection.close();
  });
});
