import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Restartable, startServer } from './restartable.ts';
import { freePort, temporaryFolder } from './server.ts';

const program = [`mosquitto`, '/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'].find(
  path => spawnSync(path, ['-h']).error === undefined,
);

/** Whether tests leave Mosquitto out: where it is not installed. CI has to have it, so there they fail instead. */
export const withoutMosquitto = program === undefined && process.env.CI === undefined;

/** The plugin with which Mosquitto can refuse subscriptions (an ACL file cannot); undefined where it is not installed. */
export const dynamicSecurity = globSync([
  '/usr/lib/*/mosquitto_dynamic_security.so',
  '/usr/lib/mosquitto_dynamic_security.so',
])[0];

interface Choice {
  /** Default false: sessions are gone when it stops. */
  persistence?: boolean;
  /** Further lines of the configuration. */
  settings?: string[];
}

/** Starts a Mosquitto on a free port of 127.0.0.1; anybody may connect. */
export async function startMosquitto({
  persistence = false,
  settings = [],
}: Choice = {}): Promise<Restartable> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const port = await freePort();
  const conf = join(folder.path, 'mosquitto.conf');
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'max_inflight_messages 10000',
    'max_queued_messages 100000',
    `persistence ${persistence}`,
    `persistence_location ${folder.path}/`,
    // Root would become the user mosquitto, who may not write to a folder of ours.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    ...settings,
  ];
  await writeFile(conf, `${lines.join('\n')}\n`);
  const mosquitto = await startServer({
    name: 'Mosquitto',
    url: `mqtt://127.0.0.1:${port}`,
    file: program,
    args: ['-c', conf],
    ports: [port],
  });
  stack.use(mosquitto);
  const kept = stack.move();
  return { ...mosquitto, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
