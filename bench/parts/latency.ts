import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { Broker } from '../broker.ts';
import { BenchFolder, startCollector } from '../collector-process.ts';
import { BenchDatabase } from '../database.ts';
import { loadAcrossMidnight, loadStart } from '../load.ts';
import type { Plan } from '../plan.ts';
import { preparePublisher } from '../publication.ts';
import type { PartResult } from '../result.ts';
import { percentile, type Spread } from '../stats.ts';

const MARK = 'Mark';
/** Marks are part of the load, but few. */
const MARKS_PER_SECOND = 20;
const POLL_MS = 5;

/** ms from publish to visible, of each mark of a case. */
interface Case {
  rate: number;
  sensors: number;
  latencies: number[];
}

/**
 * From publish to visible in silver. One sensor among the load sends its clock as `dt`; its rows are asked for every
 * 5 ms by the primary key, which costs the database next to nothing.
 */
export async function measureLatency(bench: Bench, plan: Plan): Promise<PartResult> {
  const { cases, seconds, warmupSeconds } = plan.latency;
  const results: Case[] = [];
  for (const { rate, sensors } of cases) {
    const latencies = await latenciesAt(bench, { rate, sensors, seconds, warmupSeconds });
    results.push({ rate, sensors, latencies });
    bench.print(
      `  ${rate} msg/s, ${sensors} sensors: p50 ${percentile(latencies, 0.5)} ms, p99 ${percentile(latencies, 0.99)} ms`,
    );
  }
  return {
    title: 'Latency',
    method:
      `From publish to visible in silver, with default settings (BATCH_MS 1000), for ${seconds} s after ${warmupSeconds} s of warm-up. A ` +
      `marked sensor sends its clock up to ${MARKS_PER_SECOND} times a second among the load; a reader asks for its rows every ` +
      `${POLL_MS} ms by the primary key, so a figure is up to ${POLL_MS} ms too large.`,
    columns: [
      { title: 'msg/s' },
      { title: 'sensors' },
      { title: 'marks' },
      { title: 'p50 ms' },
      { title: 'p99 ms' },
      { title: 'max ms' },
    ],
    rows: results.map(({ rate, sensors, latencies }) => [
      rate.toLocaleString('en'),
      sensors.toLocaleString('en'),
      `${latencies.length}`,
      ...[0.5, 0.99, 1].map(p => percentile(latencies, p).toFixed(0)),
    ]),
    figures: Object.fromEntries(
      results.map(({ rate, sensors, latencies }) => [
        `p99 ms, ${rate} msg/s, ${sensors} sensors`,
        one(percentile(latencies, 0.99)),
      ]),
    ),
    rounds: results,
  };
}

const one = (value: number): Spread => ({ median: value, min: value, max: value, rounds: 1 });

interface Watched {
  /** Messages a second, marks included. */
  rate: number;
  sensors: number;
  seconds: number;
  warmupSeconds: number;
  /** Whether the day of the readings changes in the middle of those seconds. */
  midnight?: boolean;
}

/** ms from publish to visible, of each mark that is sent after the warm-up. */
export async function latenciesAt(
  bench: Bench,
  { rate, sensors, seconds, warmupSeconds, midnight = false }: Watched,
): Promise<number[]> {
  await using broker = await Broker.start(bench);
  await using database = await BenchDatabase.create(bench);
  await using folder = await BenchFolder.create(bench, sensors);
  await using stack = new AsyncDisposableStack();
  const collector = await startCollector(bench, {
    folder,
    brokerUrl: broker.url,
    databaseUrl: database.url,
  });
  stack.defer(() => collector.stop());
  const perSecond = Math.min(rate, MARKS_PER_SECOND);
  const unmarked = rate - perSecond;
  const duration = warmupSeconds + seconds;
  const from = midnight
    ? loadAcrossMidnight(sensors, unmarked * (warmupSeconds + seconds / 2))
    : loadStart(0);
  const publisher = await preparePublisher(bench, {
    port: broker.port,
    load: { sensors, count: unmarked * duration, from },
    rate: unmarked,
    seconds: duration,
    marks: { sensor: MARK, perSecond },
  });
  const watch = new Watch(database, bench.signal);
  const watching = Promise.race([watch.run(), collector.failed()]);
  // It is awaited below; until then an error of it must not end the process.
  watching.catch(() => undefined);
  const { began, marked } = await publisher.publish();
  watch.expected = marked;
  await watching;
  return watch.seen.filter(({ sent }) => sent >= began + warmupSeconds * 1000).map(({ latency }) => latency);
}

/** Notes when each mark becomes visible. */
class Watch {
  readonly #database: BenchDatabase;
  readonly #signal: AbortSignal;
  /** `sent` in ms since 1970. */
  readonly seen: { sent: number; latency: number }[] = [];
  /** How many marks there are, once that is known. */
  expected = Number.POSITIVE_INFINITY;

  constructor(database: BenchDatabase, signal: AbortSignal) {
    this.#database = database;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    let last = new Date(0).toISOString();
    while (this.seen.length < this.expected) {
      const { rows } = await this.#database.client.query<{ time: Date }>({
        name: 'new marks',
        text: 'SELECT time FROM silver.sensor_reading WHERE sensor_id = $1 AND time > $2 ORDER BY time',
        values: [MARK, last],
      });
      const now = Date.now();
      for (const { time } of rows) this.seen.push({ sent: time.getTime(), latency: now - time.getTime() });
      last = rows.at(-1)?.time.toISOString() ?? last;
      await sleep(POLL_MS, undefined, { signal: this.#signal });
    }
  }
}
