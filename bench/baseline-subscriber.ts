import { fileURLToPath } from 'node:url';
import { migrate } from '../db/migrate.ts';
import { BenchDatabase } from './database.ts';
import type { StartSubscriber } from './subscriber.ts';
import { cpuMicros, residentMegabytes } from './usage.ts';

const program = fileURLToPath(new URL('./baseline.ts', import.meta.url));

/** The baseline with a database of its own. A message is done when its row is committed. */
export const startBaseline: StartSubscriber = async (bench, broker) => {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await BenchDatabase.create(bench));
  await migrate(database.url);
  const baseline = await bench.programs.start('baseline', process.execPath, [
    program,
    broker.url,
    database.url,
  ]);
  stack.defer(() => baseline.stop());
  await baseline.nextLine();
  const { pid: backend } = await database.row<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'baseline' AND datname = current_database()`,
  );
  const kept = stack.move();
  return {
    untilDone: messages => Promise.race([database.untilRows(messages), baseline.failed()]),
    cpuMicros: () => cpuMicros(baseline.pid),
    databaseMicros: () => cpuMicros(backend),
    peakMegabytes: async () => (await residentMegabytes(baseline.pid)).peak,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
};
