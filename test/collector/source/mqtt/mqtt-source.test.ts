import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { zoneOf } from '../../../../base/time.ts';
import { Recorder } from '../../../../collector/bronze/recorder.ts';
import { MqttSource } from '../../../../collector/source/mqtt/mqtt-source.ts';
import { startEmbedded, startRefusing } from '../../../harness/broker.ts';
import { eventually } from '../../../harness/eventually.ts';
import { dynamicSecurity, startMosquitto, withoutMosquitto } from '../../../harness/mosquitto.ts';
import { payloadOf, publish } from '../../../harness/mqtt.ts';
import { configFor, countLines, silent } from '../../../harness/pipeline.ts';
import { freePort, temporaryFolder } from '../../../harness/server.ts';

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

/** A recorder and a source on it, in a folder of their own. */
async function sourceOn(url: string, log = silent) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const recorder = new Recorder({
    dataDir: folder.path,
    zone: zoneOf('UTC'),
    lateMinutes: 5,
    descriptors: 64,
    log,
  });
  await recorder.start(false);
  stack.defer(() => recorder.stop());
  const source = new MqttSource(configFor({ MQTT_URL: url, DATA_DIR: folder.path }), recorder, log);
  stack.defer(() => source.stop());
  const kept = stack.move();
  return { source, recorder, dataDir: folder.path, [Symbol.asyncDispose]: () => kept.disposeAsync() };
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

test('a broker that does not speak MQTT 5 is asked again with 3.1.1', async () => {
  await using broker = await startEmbedded();
  const told: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void told.push(JSON.parse(line).msg) });
  await using under = await sourceOn(broker.url, log);
  under.source.start();
  await eventually(() => expect(under.source.status).toEqual({ connected: true, since: expect.any(String) }));
  expect(told).toEqual(['the broker does not speak MQTT 5; going on with 3.1.1', 'connected to the broker']);
});

test('a subscription that is refused is told, tried again, and made when it is allowed', async () => {
  let allowed = false;
  await using broker = await startRefusing(() => allowed);
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
