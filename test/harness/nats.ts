import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Restartable, startServer } from './restartable.ts';
import { freePort, temporaryFolder } from './server.ts';

/** The server, as it is on this machine; undefined where it is not installed. */
export const natsProgram = ['nats-server', '/usr/sbin/nats-server', '/usr/local/bin/nats-server'].find(
  path => spawnSync(path, ['--version']).error === undefined,
);

/** Whether tests leave NATS out: where it is not installed. CI has to have it, so there they fail instead. */
export const withoutNats = natsProgram === undefined && process.env.CI === undefined;

/** A NATS server with JetStream and MQTT. */
export interface Nats extends Restartable {
  /** Where its own protocol is spoken; `url` is that of MQTT. */
  natsUrl: string;
}

/**
 * Starts a NATS server on free ports of 127.0.0.1; what it stores is in a folder of its own and outlives `stop`.
 * @param maxAckPending of each subscription; a session has 65,535 for all of them, and `sensors/#` takes it twice (`sensors` and
 * `sensors.>`).
 */
export async function startNats(maxAckPending = 32_767): Promise<Nats> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  const [nats, mqtt] = [await freePort(), await freePort()];
  const file = join(path, 'nats.conf');
  await writeFile(
    file,
    [
      `server_name: sluice${nats}`,
      `listen: 127.0.0.1:${nats}`,
      `jetstream { store_dir: ${JSON.stringify(join(path, 'store'))} }`,
      `mqtt { listen: 127.0.0.1:${mqtt}, max_ack_pending: ${maxAckPending} }`,
      '',
    ].join('\n'),
  );
  const server = await startServer({
    name: 'NATS',
    url: `mqtt://127.0.0.1:${mqtt}`,
    file: natsProgram,
    args: ['-c', file],
    ports: [nats, mqtt],
  });
  stack.use(server);
  const kept = stack.move();
  return {
    ...server,
    natsUrl: `nats://127.0.0.1:${nats}`,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
