import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Aedes, type Subscription } from 'aedes';
import { EmbeddedBroker } from '../../commands/up/broker.ts';
import { startMosquitto, withoutMosquitto } from './mosquitto.ts';
import { freePort } from './server.ts';

/** A broker that runs until the end of the scope. */
export interface Broker extends AsyncDisposable {
  url: string;
}

/** The brokers to run pipeline tests on: for `describe.for`, each with `describe.skipIf(missing)`. */
export const brokers: { name: string; missing: boolean; start: () => Promise<Broker> }[] = [
  { name: 'the embedded broker, MQTT 3.1.1', missing: false, start: startEmbedded },
  { name: 'Mosquitto, MQTT 5', missing: withoutMosquitto, start: startMosquitto },
];

/** Starts the broker that `sluice up` brings along. */
export async function startEmbedded(): Promise<Broker> {
  const port = await freePort();
  const broker = new EmbeddedBroker({ port });
  await broker.start();
  return { url: `mqtt://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => broker.stop() };
}

/**
 * Starts a broker that decides of each subscription what it grants.
 * @param authorize null: it refuses (return code 0x80).
 */
export async function startAuthorizing(
  authorize: (subscription: Subscription) => Subscription | null,
): Promise<Broker> {
  const aedes = await Aedes.createBroker();
  aedes.authorizeSubscribe = (_client, subscription, done) => done(null, authorize(subscription));
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    aedes.handle(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await new Promise<void>(resolve => aedes.close(() => resolve()));
    },
  };
}
