import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './eventually.ts';
import { Program } from './program.ts';
import { type Restartable, startServer } from './restartable.ts';
import { answers, freePort, temporaryFolder } from './server.ts';

/** Debian's script, not the wrapper on the PATH: that one runs the system's own broker, as the user rabbitmq. */
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** Whether tests leave RabbitMQ out: where it is not installed. CI has to have it, so there they fail instead. */
export const withoutRabbitmq = !existsSync(SERVER) && process.env.CI === undefined;

/** Starts a RabbitMQ with its MQTT plugin on a free port of 127.0.0.1, with its files in a folder of its own. */
export async function startRabbitmq(): Promise<Restartable> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  const [port, distribution, mapper] = [await freePort(), await freePort(), await freePort()];
  await writeFile(join(path, 'enabled_plugins'), '[rabbitmq_mqtt].\n');
  await writeFile(
    join(path, 'rabbitmq.conf'),
    [
      'listeners.tcp = none',
      `mqtt.listeners.tcp.1 = 127.0.0.1:${port}`,
      'mqtt.allow_anonymous = true',
      'mqtt.prefetch = 1000',
      'log.console = true',
      '',
    ].join('\n'),
  );
  await mkdir(join(path, 'mnesia'));
  const env = {
    PATH: process.env.PATH,
    HOME: path,
    RABBITMQ_NODENAME: `sluice${port}@localhost`,
    RABBITMQ_CONFIG_FILE: join(path, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: join(path, 'rabbitmq-env.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(path, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(path, 'mnesia'),
    RABBITMQ_LOG_BASE: path,
    RABBITMQ_LOGS: '-',
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
  // Erlang's port mapper: one of our own, as RabbitMQ would start one that outlives it.
  const epmd = stack.use(await Program.start('epmd', 'epmd', [], { env }));
  await until('epmd listens', async () => {
    if (!epmd.isRunning) throw await epmd.failure();
    return answers(mapper);
  });
  const server = await startServer({
    name: 'RabbitMQ',
    url: `mqtt://127.0.0.1:${port}`,
    file: existsSync(SERVER) ? SERVER : undefined,
    env,
    ports: [port],
  });
  stack.use(server);
  const kept = stack.move();
  return { ...server, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
