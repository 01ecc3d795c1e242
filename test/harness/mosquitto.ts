import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
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

/** A Mosquitto that a test has for itself. */
export interface Mosquitto extends AsyncDisposable {
  url: string;
  start(): Promise<void>;
  /** SIGTERM: it writes its sessions to the disk, if it keeps any there. */
  stop(): Promise<void>;
}

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
}: Choice = {}): Promise<Mosquitto> {
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
  let child: ChildProcess | undefined;
  const mosquitto = {
    url: `mqtt://127.0.0.1:${port}`,
    start: async () => {
      child = await run(conf, port);
    },
    stop: async () => {
      if (child?.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    },
  };
  stack.defer(() => mosquitto.stop());
  await mosquitto.start();
  const kept = stack.move();
  return { ...mosquitto, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function run(conf: string, port: number): Promise<ChildProcess> {
  if (program === undefined) throw new Error('mosquitto is not installed; where CI is set it has to be');
  const child = spawn(program, ['-c', conf], { stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  child.stderr.on('data', text => {
    told += text;
  });
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}: ${told}`);
    return answers(port);
  });
  return child;
}

function answers(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}
