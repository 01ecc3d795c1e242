import type { Bench } from './bench.ts';
import type { Broker } from './broker.ts';
import { BenchFolder, startCollector } from './collector-process.ts';
import { BenchDatabase } from './database.ts';
import type { StartSubscriber, Subscriber } from './subscriber.ts';
import { cpuMicros, residentMegabytes } from './usage.ts';

/** Sluice with a data folder and an empty database of its own. A message is done when its row is committed. */
export const startSluice: StartSubscriber = (bench, broker, sensors) => startOn(bench, broker, sensors);

/** The same on a copy of a database. */
export function startSluiceOn(template: string): StartSubscriber {
  return (bench, broker, sensors) => startOn(bench, broker, sensors, { template });
}

/** The same with settings of its own. */
export function startSluiceWith(env: Record<string, string>): StartSubscriber {
  return (bench, broker, sensors) => startOn(bench, broker, sensors, { env });
}

async function startOn(
  bench: Bench,
  broker: Broker,
  sensors: number,
  { template, env = {} }: { template?: string; env?: Record<string, string> } = {},
): Promise<Subscriber> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await BenchDatabase.create(bench, template));
  const folder = stack.use(await BenchFolder.create(bench, sensors));
  const collector = await startCollector(bench, {
    folder,
    brokerUrl: broker.url,
    databaseUrl: database.url,
    env,
  });
  stack.defer(() => collector.stop());
  const { pid: loader } = await database.row<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'sluice loader' AND datname = current_database()`,
  );
  const kept = stack.move();
  return {
    untilDone: messages => Promise.race([database.untilLines(messages), collector.failed()]),
    cpuMicros: () => cpuMicros(collector.pid),
    databaseMicros: () => cpuMicros(loader),
    peakMegabytes: async () => (await residentMegabytes(collector.pid)).peak,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
