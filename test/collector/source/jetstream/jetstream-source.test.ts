import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../../base/time.ts';
import { Recorder } from '../../../../collector/bronze/recorder.ts';
import { defaultTopics } from '../../../../collector/payload/topics.ts';
import { isRepeated, packetIdOf } from '../../../../collector/source/delivery.ts';
import { JetStreamSource } from '../../../../collector/source/jetstream/jetstream-source.ts';
import { loadNats } from '../../../../collector/source/jetstream/nats-client.ts';
import type { Origin, Sink } from '../../../../collector/source/sink.ts';
import { eventually } from '../../../harness/eventually.ts';
import { payloadOf, publish } from '../../../harness/mqtt.ts';
import { type Nats, startNats, withoutNats } from '../../../harness/nats.ts';
import { configFor, linesIn, silent } from '../../../harness/pipeline.ts';
import { temporaryFolder } from '../../../harness/server.ts';

/** Makes the stream that captures what is published below sensors/, and its consumer where that is to differ from ours. */
async function makeStream({ natsUrl }: Nats, ackWaitMs?: number) {
  const { AckPolicy, connect, jetstreamManager } = await loadNats();
  const connection = await connect({ servers: natsUrl });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: 'sensors', subjects: ['sensors.>'] });
  if (ackWaitMs !== undefined) {
    await manager.consumers.add('sensors', {
      durable_name: 'sluice',
      ack_policy: AckPolicy.Explicit,
      ack_wait: ackWaitMs * 1e6,
    });
  }
  await connection.close();
}

/** A collector's way in, with a folder of its own. */
async function memberOf({ natsUrl }: Nats, sink?: Sink) {
  await using stack = new AsyncDisposableStack();
  const { path: dataDir } = stack.use(await temporaryFolder());
  const recorder = new Recorder({
    dataDir,
    topics: defaultTopics(['#'], zoneOf('UTC')),
    lateMinutes: 5,
    descriptors: 64,
    log: silent,
  });
  await recorder.start(false);
  stack.defer(() => recorder.stop());
  const source = new JetStreamSource(configFor({ DATA_DIR: dataDir }), [natsUrl], sink ?? recorder, silent);
  stack.defer(() => source.stop());
  const kept = stack.move();
  const lines = async () => [...(await linesIn(join(dataDir, 'raw'))).values()].flat();
  return { source, lines, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Takes messages: they are on disk at once, or, where it holds them, never. */
function takingSink({ holds = false } = {}) {
  const taken: { id: number; again: boolean; origin: Origin }[] = [];
  const refusals: (() => void)[] = [];
  const sink: Sink = {
    record: (_topic, _payload, delivery = 0, origin) => {
      taken.push({ id: packetIdOf(delivery), again: isRepeated(delivery), origin: origin! });
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      refusals.push(() => reject(new Error('the disk is broken')));
      if (!holds) resolve();
      return { durable: promise };
    },
    failure: undefined,
    pendingBytes: 0,
    underLoad: false,
    untilRecording: async () => undefined,
  };
  return { sink, taken, refusals };
}

const readings = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => {
    const ms = String(from + index).padStart(3, '0');
    return payloadOf('Sensor 1', `2025-11-12T10:15:01.${ms}Z`, from + index);
  });

test.skipIf(withoutNats)('members share a consumer: each message is recorded by one of them', async () => {
  await using server = await startNats();
  await makeStream(server);
  await using one = await memberOf(server);
  await using two = await memberOf(server);
  for (const { source } of [one, two]) source.start();
  await eventually(() => expect([one, two].every(({ source }) => source.status.connected)).toBe(true));
  await publish(server.url, readings(0, 500));
  await eventually(async () => {
    const lines = [...(await one.lines()), ...(await two.lines())];
    expect(lines.sort()).toEqual(readings(0, 500));
  });
  expect(one.source.counts.received + two.source.counts.received).toBe(500);
});

test.skipIf(withoutNats)(
  'what a member has not acknowledged when it is gone goes to another one, with the same arrival',
  async () => {
    await using server = await startNats();
    await makeStream(server, 1000);
    const { sink, taken, refusals } = takingSink({ holds: true });
    {
      await using dying = await memberOf(server, sink);
      dying.source.start();
      await publish(server.url, readings(0, 20));
      await eventually(() => expect(taken).toHaveLength(20));
      // For longer than the consumer waits: it is told that they are worked on, and gives them to nobody.
      await sleep(3000);
      expect(taken).toHaveLength(20);
      const stopping = dying.source.stop();
      for (const refuse of refusals) refuse();
      await stopping;
      expect(dying.source.counts).toMatchObject({ received: 20, redelivered: 0, acknowledged: 0 });
    }
    const survivor = takingSink();
    await using other = await memberOf(server, survivor.sink);
    other.source.start();
    const byId = (list: typeof taken) => new Map(list.map(({ id, origin }) => [id, origin]));
    await eventually(() => expect(byId(survivor.taken)).toEqual(byId(taken)));
    // The server does not say so of each.
    expect(other.source.counts.redelivered).toBeGreaterThan(0);
    expect(survivor.taken.some(({ again }) => again)).toBe(true);
  },
);

test.skipIf(withoutNats)('it goes on after the server was away, and after its own restart', async () => {
  await using server = await startNats();
  await makeStream(server);
  const recorded: string[] = [];
  {
    await using before = await memberOf(server);
    before.source.start();
    await publish(server.url, readings(0, 50));
    await eventually(async () => expect(await before.lines()).toHaveLength(50));
    await server.stop();
    await eventually(() => expect(before.source.status.connected).toBe(false));
    await server.start();
    await eventually(() => expect(before.source.status.connected).toBe(true));
    await publish(server.url, readings(50, 50));
    await eventually(async () => expect((await before.lines()).length).toBeGreaterThanOrEqual(100));
    recorded.push(...(await before.lines()));
  }
  await publish(server.url, readings(100, 50));
  await using after = await memberOf(server);
  after.source.start();
  await eventually(async () => {
    const lines = new Set([...recorded, ...(await after.lines())]);
    expect([...lines].sort()).toEqual(readings(0, 150));
  });
});

test.skipIf(withoutNats)(
  'a stream that is missing is named, with what to do, and used when it is there',
  async () => {
    await using server = await startNats();
    await using member = await memberOf(server);
    member.source.start();
    await eventually(() =>
      expect(member.source.status).toMatchObject({
        connected: false,
        reason: expect.stringMatching(/no stream sensors.*nats stream add/),
      }),
    );
    await makeStream(server);
    await publish(server.url, readings(0, 10));
    await eventually(async () => expect(await member.lines()).toHaveLength(10));
  },
);
