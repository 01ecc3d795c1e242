import { BenchFolder, startCollector } from './collector-process.ts';
import { BenchDatabase } from './database.ts';
import type { StartSubscriber } from './subscriber.ts';
import { cpuMicros, residentMegabytes } from './usage.ts';

/**
 * Several collectors, of which each takes its part of the topics, into one database. A message is done when its row is
 * committed.
 */
export function startFleetOf(count: number): StartSubscriber {
  return async (bench, broker, sensors) => {
    await using stack = new AsyncDisposableStack();
    const database = stack.use(await BenchDatabase.create(bench));
    const collectors: Awaited<ReturnType<typeof startCollector>>[] = [];
    // One after the other: the first one makes the tables.
    for (let member = 0; member < count; member++) {
      const folder = stack.use(await BenchFolder.create(bench, sensors));
      const topics = Array.from({ length: sensors }, (_, index) => `sensors/${index + 1}`);
      const collector = await startCollector(bench, {
        folder,
        brokerUrl: broker.url,
        databaseUrl: database.url,
        env: {
          MQTT_CLIENT_ID: `member${member}`,
          MQTT_TOPICS: topics.filter((_, index) => index % count === member).join(','),
        },
      });
      stack.defer(() => collector.stop());
      collectors.push(collector);
    }
    const sum = async (of: (pid: number) => Promise<number>) => {
      const all = await Promise.all(collectors.map(({ pid }) => of(pid)));
      return all.reduce((total, one) => total + one, 0);
    };
    const kept = stack.move();
    return {
      untilDone: messages =>
        Promise.race([database.untilLines(messages), ...collectors.map(collector => collector.failed())]),
      cpuMicros: () => sum(cpuMicros),
      peakMegabytes: () => sum(async pid => (await residentMegabytes(pid)).peak),
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    };
  };
}
