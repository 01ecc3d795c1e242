import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { migrate } from '../db/migrate.ts';
import type { Program } from '../test/harness/program.ts';
import type { Bench } from './bench.ts';
import type { Broker } from './broker.ts';
import { BenchDatabase } from './database.ts';
import type { StartSubscriber } from './subscriber.ts';
import { cpuMicros, residentMegabytes } from './usage.ts';

/** Another program that stores what a broker sends. */
export interface Rival {
  name: string;
  /** Whether this machine has what it needs. */
  isHere: boolean;
  /** What it needs, for a person. */
  needs: string;
  /** What it can store in a second, roughly: sizes its load, of which Sluice gets the whole. */
  share: number;
  start: StartSubscriber;
}

const file = (name: string) => fileURLToPath(new URL(`./rivals/${name}`, import.meta.url));
const runs = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
const FILTER = 'sensors/#';

export const rivals: Rival[] = [
  {
    name: 'paho, psycopg2, an INSERT a message',
    isHere: runs('python3', '-c', 'import paho.mqtt.client, psycopg2'),
    needs: 'paho-mqtt 2 and psycopg2 for the python3 on the PATH',
    share: 0.05,
    start: startOn('silver.sensor_reading', (bench, broker, database) =>
      bench.programs.start('paho', 'python3', [file('paho-psycopg2.py'), `${broker.port}`, database.url]),
    ),
  },
  ...['default', 'tuned'].map(kind => ({
    name: `Telegraf, ${kind} limits`,
    isHere: runs('telegraf', '--version'),
    needs: 'telegraf on the PATH',
    share: 1,
    start: startOn('rival_reading', (bench, broker, database) =>
      bench.programs.start('telegraf', 'telegraf', ['--config', file(`telegraf-${kind}.conf`)], {
        env: { BROKER: `tcp://127.0.0.1:${broker.port}`, DATABASE: database.url },
      }),
    ),
  })),
];

/** @param table where its rows go; a message is done when its row is committed. */
function startOn(
  table: string,
  start: (bench: Bench, broker: Broker, database: BenchDatabase) => Promise<Program>,
): StartSubscriber {
  return async (bench, broker) => {
    await using stack = new AsyncDisposableStack();
    const database = stack.use(await BenchDatabase.create(bench));
    await migrate(database.url);
    const program = await start(bench, broker, database);
    stack.defer(() => program.stop());
    await Promise.race([broker.untilSubscribed(FILTER), program.failed()]);
    const kept = stack.move();
    return {
      untilDone: messages => Promise.race([database.untilRows(messages, table), program.failed()]),
      cpuMicros: () => cpuMicros(program.pid),
      peakMegabytes: async () => (await residentMegabytes(program.pid)).peak,
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    };
  };
}
