import { spawnSync } from 'node:child_process';
import { createClient, type RedisClientType } from '@redis/client';
import { type Restartable, startServer } from './restartable.ts';
import { freePort, temporaryFolder } from './server.ts';

const program = ['redis-server', '/usr/bin/redis-server', '/usr/local/bin/redis-server'].find(
  path => spawnSync(path, ['--version']).error === undefined,
);

/** Whether tests leave Redis out: where it is not installed. CI has to have it, so there they fail instead. */
export const withoutRedis = program === undefined && process.env.CI === undefined;

/** Starts a Redis on a free port of 127.0.0.1; what it has said it has outlives `stop`. */
export async function startRedis(): Promise<Restartable> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const port = await freePort();
  const settings = {
    bind: '127.0.0.1',
    port,
    dir: folder.path,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
  };
  const redis = await startServer({
    name: 'Redis',
    url: `redis://127.0.0.1:${port}`,
    file: program,
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ports: [port],
  });
  stack.use(redis);
  const kept = stack.move();
  return { ...redis, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Asks a Redis, on a connection of its own. */
export async function withRedis<T>(url: string, ask: (client: RedisClientType) => Promise<T>): Promise<T> {
  const client = createClient({ url, socket: { reconnectStrategy: false } }) as RedisClientType;
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await ask(client);
  } finally {
    client.destroy();
  }
}
