import { readdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { isRepeated, isRetained, packetIdOf } from '../../../../collector/source/delivery.ts';
import { MqttSource } from '../../../../collector/source/mqtt/mqtt-source.ts';
import type { Sink } from '../../../../collector/source/sink.ts';
import { TcpProxy } from '../../../faults/proxy.ts';
import { startAuthorizing, startEmbedded } from '../../../harness/broker.ts';
import { eventually } from '../../../harness/eventually.ts';
import { dynamicSecurity, startMosquitto, withoutMosquitto } from '../../../harness/mosquitto.ts';
import { payloadOf, publish } from '../../../harness/mqtt.ts';
import { configFor, countLines, linesIn, silent } from '../../../harness/pipeline.ts';
import { freePort, temporaryFolder } from '../../../harness/server.ts';
import { sourceOn } from './source-on.ts';

/** Stands before a broker and keeps its CONNACK (0x20, return code 0) back until `release`. */
async function withholdConnack(url: string) {
  const { promise: withheld, resolve: tellWithheld } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const server = createServer(socket => {
    const upstream = connect(Number(new URL(url).port), '127.0.0.1');
    socket.pipe(upstream);
    upstream.on('data', async (data: Buffer) => {
      if (data[0] === 0x20 && data[3] === 0) {
        tellWithheld();
        await released;
      }
      socket.write(data);
    });
    for (const end of [socket, upstream]) end.on('error', () => undefined);
    upstream.on('close', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const sockets = new Set<Socket>();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    withheld,
    release,
    connections: () => sockets.size,
    cut,
    [Symbol.asyncDispose]: async () => {
      cut();
      server.close();
    },
  };
}

test('stop() while the broker is answering CONNECT ends, and leaves no connection', async () => {
  await using broker = await startEmbedded();
  await using slow = await withholdConnack(broker.url);
  await using under = await sourceOn(slow.url);
  under.source.start();
  await slow.withheld;
  let stopped = false;
  const stopping = under.source.stop().then(() => {
    stopped = true;
  });
  slow.release();
  try {
    await eventually(() => expect(stopped).toBe(true));
    await eventually(() => expect(slow.connections()).toBe(0));
  } finally {
    slow.cut();
    await stopping;
  }
});

test('stop() while messages stream in ends, and what is acknowledged is on disk', async () => {
  await using broker = await startEmbedded();
  await using under = await sourceOn(broker.url);
  under.source.start();
  await eventually(() => expect(under.source.status.connected).toBe(true));
  const readings = Array.from({ length: 20_000 }, (_, index) =>
    payloadOf('Sensor 1', `2025-11-12T10:15:${String(index % 60).padStart(2, '0')}Z`, index),
  );
  const publishing = publish(broker.url, readings);
  await eventually(() => expect(under.source.counts.acknowledged).toBeGreaterThan(0));
  await under.source.stop();
  expect(under.source.counts.received).toBeLessThan(readings.length);
  expect(under.source.counts.acknowledged).toBeLessThanOrEqual(await countLines(join(under.dataDir, 'raw')));
  await publishing;
});

test('without a broker it says why, and stops at once', async () => {
  await using under = await sourceOn(`mqtt://127.0.0.1:${await freePort()}`);
  const { since } = under.source.status;
  under.source.start();
  await eventually(() =>
    expect(under.source.status).toMatchObject({
      connected: false,
      since,
      reason: expect.stringMatching('ECONNREFUSED'),
    }),
  );
});

test('a connection that nothing passes any more is noticed by a ping, and made again', async () => {
  await using broker = await startEmbedded();
  await using proxy = await TcpProxy.start(Number(new URL(broker.url).port));
  const url = `mqtt://127.0.0.1:${proxy.port}`;
  await using under = await sourceOn(url, { env: { MQTT_KEEPALIVE_S: '1' } });
  under.source.start();
  await eventually(() => expect(under.source.status.connected).toBe(true));
  // Neither side hears of the other, nor that the connection ends.
  proxy.drop();
  await publish(broker.url, [payloadOf('Sensor 1', '2025-11-12T10:15:01Z', 1)]);
  await eventually(() => expect(under.source.status.connected).toBe(false));
  proxy.forward();
  await eventually(() => expect(under.recorder.counts.recorded).toBe(1));
  // What the session holds comes before the subscription is granted anew.
  await eventually(() => expect(under.source.status.connected).toBe(true));
});

test('a broker that does not speak MQTT 5 is asked again with 3.1.1', async () => {
  await using broker = await startEmbedded();
  const said: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void said.push(JSON.parse(line).msg) });
  await using under = await sourceOn(broker.url, { log });
  under.source.start();
  await eventually(() => expect(under.source.status).toEqual({ connected: true, since: expect.any(String) }));
  expect(said).toEqual(['the broker does not speak MQTT 5; going on with 3.1.1', 'connected to the broker']);
});

test('a subscription that is refused is reported, tried again, and made when it is allowed', async () => {
  let allowed = false;
  await using broker = await startAuthorizing(subscription => (allowed ? subscription : null));
  await using under = await sourceOn(broker.url);
  under.source.start();
  await eventually(() =>
    expect(under.source.status).toMatchObject({
      connected: false,
      reason: expect.stringMatching(/refuses the subscription to sensors\/# \(reason code 128\).*rights/),
    }),
  );
  allowed = true;
  await eventually(() => expect(under.source.status.connected).toBe(true));
  await publish(broker.url, [payloadOf('a', '2025-11-12', 1)]);
  await eventually(() => expect(under.recorder.counts.recorded).toBe(1));
});

test.skipIf(withoutMosquitto || dynamicSecurity === undefined)(
  'a subscription that Mosquitto refuses with the reason code of MQTT 5',
  async () => {
    await using folder = await temporaryFolder();
    const rights = join(folder.path, 'rights.json');
    const allow = (subscribe: boolean) =>
      writeFile(
        rights,
        JSON.stringify({
          defaultACLAccess: {
            publishClientSend: true,
            publishClientReceive: true,
            subscribe,
            unsubscribe: true,
          },
          clients: [],
          groups: [],
          roles: [],
        }),
      );
    await allow(false);
    await using mosquitto = await startMosquitto({
      settings: [`plugin ${dynamicSecurity}`, `plugin_opt_config_file ${rights}`],
    });
    await using under = await sourceOn(mosquitto.url);
    under.source.start();
    await eventually(() =>
      expect(under.source.status).toMatchObject({
        connected: false,
        reason: expect.stringMatching(/refuses the subscription to sensors\/# \(reason code 135\)/),
      }),
    );
    await mosquitto.stop();
    await allow(true);
    await mosquitto.start();
    await eventually(() => expect(under.source.status.connected).toBe(true));
  },
);

test.skipIf(withoutMosquitto)(
  'of two with one client id, one leaves the session to the other',
  async () => {
    await using broker = await startMosquitto();
    await using one = await sourceOn(broker.url);
    await using other = await sourceOn(broker.url);
    one.source.start();
    other.source.start();
    const both = [one, other];
    await eventually(() => expect(both.filter(({ source }) => source.parked)).toHaveLength(1), 100_000);
    const [parked, staying] = one.source.parked ? [one, other] : [other, one];
    expect(parked.source.status).toMatchObject({
      connected: false,
      reason: expect.stringMatching(/client id sluice .*MQTT_CLIENT_ID/),
    });
    await eventually(() => expect(staying.source.status.connected).toBe(true), 100_000);
    const readings = Array.from({ length: 100 }, (_, index) =>
      payloadOf('Sensor 1', `2025-11-12T10:15:01.${String(index).padStart(3, '0')}Z`, index),
    );
    await publish(broker.url, readings);
    await eventually(async () =>
      expect(await countLines(join(staying.dataDir, 'raw'))).toBe(readings.length),
    );
    expect(await countLines(join(parked.dataDir, 'raw'))).toBe(0);
    expect(staying.source.status.connected).toBe(true);
  },
  150_000,
);

test.skipIf(withoutMosquitto)(
  'what an older subscription with QoS 2 left in the session is recorded, once',
  async () => {
    await using broker = await startMosquitto();
    const options = { clientId: 'sluice', clean: false, reconnectPeriod: 0 } as const;
    const older = await mqtt.connectAsync(broker.url, options);
    await older.subscribeAsync('sensors/#', { qos: 2 });
    await older.endAsync();
    const publisher = await mqtt.connectAsync(broker.url);
    const readings = Array.from({ length: 50 }, (_, index) =>
      payloadOf('Sensor 1', `2025-11-12T10:15:01.${String(index).padStart(3, '0')}Z`, index),
    );
    for (const reading of readings) await publisher.publishAsync('sensors/1', reading, { qos: 2 });
    await publisher.endAsync();
    await using under = await sourceOn(broker.url);
    under.source.start();
    await eventually(async () => expect(await countLines(join(under.dataDir, 'raw'))).toBe(readings.length));
    await under.source.stop();
    await using again = await sourceOn(broker.url);
    again.source.start();
    await publish(broker.url, [payloadOf('Sensor 2', '2025-11-12T10:15:02Z', 1)]);
    await eventually(async () => expect(await countLines(join(again.dataDir, 'raw'))).toBe(1));
  },
);

test('stop() ends also when the broker keeps its side of the connection open', async () => {
  await using broker = await startEmbedded();
  // Hands everything on but the end of the client's side.
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, socket => {
    const upstream = connect(Number(new URL(broker.url).port), '127.0.0.1');
    socket.on('data', data => data[0] !== 0xe0 && upstream.write(data));
    upstream.on('data', data => socket.write(data));
    for (const end of [socket, upstream]) end.on('error', () => undefined);
    sockets.add(socket).add(upstream);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  try {
    await using under = await sourceOn(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`);
    under.source.start();
    await eventually(() => expect(under.source.status.connected).toBe(true));
    await under.source.stop();
    expect(under.source.counts.connections).toBe(1);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

interface Meddling {
  /** What becomes of bytes on their way to the broker; undefined: the connection ends. */
  up?: (bytes: Buffer) => Buffer | undefined;
  /** What becomes of bytes from the broker. */
  down?: (bytes: Buffer) => Buffer;
}

/** Stands before a broker and changes what passes. */
async function meddle(url: string, { up = bytes => bytes, down = bytes => bytes }: Meddling) {
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    const upstream = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('data', bytes => {
      const kept = up(bytes);
      if (kept === undefined) socket.end();
      else upstream.write(kept);
    });
    upstream.on('data', bytes => socket.write(down(bytes)));
    for (const [end, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(end);
      end.on('error', () => undefined).on('close', () => other.destroy());
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** A log of which the test sees what was said. */
function listening() {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}

test.skipIf(withoutMosquitto).each([
  { times: 1, version: '5', why: 'once: it was for another reason' },
  { times: Number.POSITIVE_INFINITY, version: '3.1.1', why: 'always: it does not speak MQTT 5' },
])('a broker that closes on MQTT 5 without an answer, $why', async ({ times, version }) => {
  await using broker = await startMosquitto();
  let left = times;
  // The protocol level stands in byte 8 of a CONNECT whose length takes one byte.
  const asksFor5 = (bytes: Buffer) => bytes[0] === 0x10 && bytes[8] === 5;
  await using closing = await meddle(broker.url, {
    up: bytes => (asksFor5(bytes) && left-- > 0 ? undefined : bytes),
  });
  const { log, lines } = listening();
  await using under = await sourceOn(closing.url, { log });
  under.source.start();
  await eventually(() => expect(under.source.status.connected).toBe(true));
  expect(lines.find(({ msg }) => msg === 'connected to the broker')).toMatchObject({ mqtt: version });
  await publish(broker.url, [payloadOf('a', '2025-11-12', 1)]);
  await eventually(() => expect(under.recorder.counts.recorded).toBe(1));
});

test.skipIf(withoutMosquitto)(
  'topics that left the settings are unsubscribed, after a restart as well',
  async () => {
    await using broker = await startMosquitto();
    await using folder = await temporaryFolder();
    const dataDir = folder.path;
    {
      await using before = await sourceOn(broker.url, { dataDir, env: { MQTT_TOPICS: 'old/#,kept/#' } });
      before.source.start();
      await eventually(() => expect(before.source.status.connected).toBe(true));
    }
    const { log, lines } = listening();
    await using after = await sourceOn(broker.url, { dataDir, log, env: { MQTT_TOPICS: 'kept/#,new/#' } });
    after.source.start();
    await eventually(() => expect(after.source.status.connected).toBe(true));
    expect(lines.find(({ msg }) => String(msg).startsWith('unsubscribed'))).toMatchObject({
      topics: ['old/#'],
    });
    await publish(
      broker.url,
      ['old/1', 'kept/1', 'new/1'].map(topic => ({ topic, payload: payloadOf(topic, '2025-11-12', 1) })),
    );
    // What the old subscription would bring comes before what the broker gets later.
    await eventually(() => expect(after.recorder.counts.recorded).toBe(2));
    expect((await readdir(join(dataDir, 'raw'))).sort()).toEqual([
      expect.stringContaining('kept'),
      expect.stringContaining('new'),
    ]);
  },
);

test.skipIf(withoutMosquitto)(
  'a subscription that the broker grants and does not serve is reported, until something comes',
  async () => {
    await using folder = await temporaryFolder();
    const rights = join(folder.path, 'acl');
    await writeFile(rights, 'topic write sensors/#\n');
    await using broker = await startMosquitto({ settings: [`acl_file ${rights}`] });
    await using under = await sourceOn(broker.url, { quietMs: 50 });
    under.source.start();
    await eventually(() => expect(under.source.status.connected).toBe(true));
    await publish(broker.url, [payloadOf('a', '2025-11-12', 1)]);
    await eventually(() => expect(under.source.warning).toMatch(/nothing has arrived .* sensors\/#/));
    await broker.stop();
    await writeFile(rights, 'topic readwrite sensors/#\n');
    await broker.start();
    await eventually(() => expect(under.source.status.connected).toBe(true));
    await publish(broker.url, [payloadOf('a', '2025-11-12', 1)]);
    await eventually(() => expect(under.recorder.counts.recorded).toBe(1));
    expect(under.source.warning).toBeUndefined();
  },
);

test('a broker that grants less than was asked is reported', async () => {
  await using broker = await startEmbedded();
  // The last byte of a SUBACK of 3.1.1 is the QoS of the last subscription.
  await using lowering = await meddle(broker.url, {
    down: bytes => (bytes[0] === 0x90 ? Buffer.concat([bytes.subarray(0, -1), Buffer.from([0])]) : bytes),
  });
  await using under = await sourceOn(lowering.url);
  under.source.start();
  await eventually(() => expect(under.source.status.connected).toBe(true));
  expect(under.source.warning).toMatch('QoS 0 only for sensors/#');
});

test.skipIf(withoutMosquitto)(
  'of a message of 20 MiB the beginning is kept among the rejected ones, with its size',
  async () => {
    await using broker = await startMosquitto();
    await using under = await sourceOn(broker.url);
    under.source.start();
    await eventually(() => expect(under.source.status.connected).toBe(true));
    const size = 20 * 1024 * 1024;
    await publish(broker.url, [Buffer.alloc(size, 'a'), payloadOf('a', '2025-11-12', 1)]);
    await eventually(() => expect(under.source.counts.acknowledged).toBe(2));
    const [lines] = (await linesIn(join(under.dataDir, 'rejected'))).values();
    const { payload, ...line } = JSON.parse(lines![0]!);
    expect(line).toMatchObject({ reason: 'larger than 262144 bytes', payload_bytes: size });
    expect(payload).toBe('a'.repeat(1024 * 1024));
  },
);

test.skipIf(withoutMosquitto)(
  'messages carry their session, which has one name as long as the broker keeps it',
  async () => {
    await using broker = await startMosquitto();
    await using folder = await temporaryFolder();
    const seen: { session: string | undefined; id: number; retain: boolean; dup: boolean }[] = [];
    const refusals: (() => void)[] = [];
    /** Takes messages and refuses them in the end, so that the broker has to send them again. */
    const sink: Sink = {
      record: (_topic, _payload, delivery = 0, origin) => {
        seen.push({
          session: origin?.session,
          id: packetIdOf(delivery),
          retain: isRetained(delivery),
          dup: isRepeated(delivery),
        });
        return {
          durable: new Promise((_, reject) => refusals.push(() => reject(new Error('the disk is full')))),
        };
      },
      failure: undefined,
      pendingBytes: 0,
      underLoad: false,
      untilRecording: async () => undefined,
    };
    const config = configFor({ MQTT_URL: broker.url, DATA_DIR: folder.path });
    const publisher = await mqtt.connectAsync(broker.url);
    await publisher.publishAsync('sensors/old', '1', { qos: 1, retain: true });
    for (const count of [2, 4]) {
      const source = new MqttSource(config, config.MQTT_TOPICS, sink, silent);
      source.start();
      await eventually(() => expect(source.status.connected).toBe(true));
      if (count === 2) await publisher.publishAsync('sensors/new', '2', { qos: 1 });
      await eventually(() => expect(seen).toHaveLength(count));
      const stopping = source.stop();
      for (const refuse of refusals.splice(0)) refuse();
      await stopping;
      expect(source.counts).toMatchObject({ received: 2, redelivered: count === 2 ? 0 : 2 });
    }
    await publisher.endAsync();
    const [retained, live] = seen;
    expect(retained).toMatchObject({ retain: true, dup: false });
    expect(live).toMatchObject({ retain: false, dup: false, session: retained!.session });
    expect(seen.slice(2)).toEqual([
      { ...retained, dup: true },
      { ...live, dup: true },
    ]);
  },
);

const SHARED = { MQTT_TOPICS: '$share/sluice/sensors/#', MQTT_SHARE: 'allow' };

test.skipIf(withoutMosquitto)(
  'a shared subscription that is allowed, on a broker that honours it',
  async () => {
    await using broker = await startMosquitto();
    await using under = await sourceOn(broker.url, { env: SHARED });
    under.source.start();
    await eventually(() => expect(under.source.status.connected).toBe(true));
    await publish(broker.url, [payloadOf('a', '2025-11-12', 1)]);
    await eventually(() => expect(under.recorder.counts.recorded).toBe(1));
  },
);

test('a broker that grants shared subscriptions and delivers nothing is found by a probe', async () => {
  // aedes does so.
  await using broker = await startEmbedded();
  await using under = await sourceOn(broker.url, { env: SHARED });
  under.source.start();
  await eventually(() =>
    expect(under.source.status).toMatchObject({
      connected: false,
      reason: expect.stringMatching(/delivers nothing over shared subscriptions.*split the topics by filter/),
    }),
  );
});
