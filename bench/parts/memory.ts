import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { Broker } from '../broker.ts';
import { BenchFolder, startCollector } from '../collector-process.ts';
import { BenchDatabase } from '../database.ts';
import { loadStart } from '../load.ts';
import type { Plan } from '../plan.ts';
import { preparePublisher } from '../publication.ts';
import type { PartResult } from '../result.ts';
import { median, type Spread } from '../stats.ts';
import { residentMegabytes } from '../usage.ts';

const SAMPLE_MS = 1000;
/** What is sent and not recorded is at most this, so that the broker is busy and its queue stays small. */
const AHEAD_BYTES = 4_000_000;
/** More than is ever sent; a run ends by its time. */
const ENDLESS = 1_000_000_000;
/** The first and the last of the samples are compared by the median of so many, or of a third of them. */
const ENDS = 20;

/** Resident memory of a collector, second by second, after the warm-up. */
interface Series {
  megabytes: number[];
  peak: number;
  /** Messages a second. */
  rate: number;
}

/** Memory at full rate: with a database, and with none. */
export async function measureMemory(bench: Bench, plan: Plan): Promise<PartResult> {
  const { sensors, withSeconds, withoutSeconds, warmupSeconds } = plan.memory;
  const stored = await runAtFullRate(bench, sensors, warmupSeconds, withSeconds, true);
  bench.print(`  with a database: peak ${stored.peak.toFixed(0)} MB at ${Math.round(stored.rate)} msg/s`);
  const recorded = await runAtFullRate(bench, sensors, warmupSeconds, withoutSeconds, false);
  bench.print(`  without: ${growth(recorded).toFixed(1)} MB more after ${withoutSeconds} s`);
  const row = (name: string, series: Series, seconds: number) => [
    name,
    `${seconds}`,
    Math.round(series.rate).toLocaleString('en'),
    ...[series.megabytes[0]!, series.megabytes.at(-1)!, series.peak].map(value => value.toFixed(0)),
    growth(series).toFixed(1),
  ];
  return {
    title: 'Memory',
    method:
      `Resident memory (VmRSS every second, VmHWM) of the collector at full rate with ${sensors} sensors, after ${warmupSeconds} s of ` +
      `warm-up. Growth is the median of the last ${ENDS} samples (at most a third of them) less that of the first. The ` +
      'publisher stays 4 MB ahead of the raw files: the broker always has more, and its queue stays small.',
    columns: [
      { title: '' },
      { title: 's' },
      { title: 'msg/s' },
      { title: 'first MB' },
      { title: 'last MB' },
      { title: 'peak MB' },
      { title: 'growth MB' },
    ],
    rows: [row('with a database', stored, withSeconds), row('without a database', recorded, withoutSeconds)],
    figures: {
      'peak RSS MB': one(Math.max(stored.peak, recorded.peak)),
      'growth without a database MB': one(growth(recorded)),
    },
    rounds: { stored, recorded },
  };
}

const one = (value: number): Spread => ({ median: value, min: value, max: value, rounds: 1 });

function growth({ megabytes }: Series): number {
  const ends = Math.max(1, Math.min(ENDS, Math.floor(megabytes.length / 3)));
  return median(megabytes.slice(-ends)) - median(megabytes.slice(0, ends));
}

async function runAtFullRate(
  bench: Bench,
  sensors: number,
  warmupSeconds: number,
  seconds: number,
  withDatabase: boolean,
): Promise<Series> {
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(await Broker.start(bench));
  const folder = stack.use(await BenchFolder.create(bench, sensors));
  const database = withDatabase ? stack.use(await BenchDatabase.create(bench)) : undefined;
  const collector = await startCollector(bench, {
    folder,
    brokerUrl: broker.url,
    // Nobody listens on port 1.
    databaseUrl: database?.url ?? 'postgresql://sluice@127.0.0.1:1/sluice',
    awaitDatabase: withDatabase,
  });
  // What it has not loaded is of no use to anybody.
  stack.defer(() => collector.kill());
  const publisher = await preparePublisher(bench, {
    port: broker.port,
    load: { sensors, count: ENDLESS, from: loadStart(0) },
    seconds: warmupSeconds + seconds,
    follow: { folder: folder.raw, bytes: AHEAD_BYTES },
  });
  const done = new AbortController();
  const publishing = publisher.publish().finally(() => done.abort());
  // It is awaited below; until then an error of it must not end the process.
  publishing.catch(() => undefined);
  const megabytes: number[] = [];
  const began = performance.now();
  while (!done.signal.aborted) {
    await sleep(SAMPLE_MS, undefined, { signal: done.signal }).catch(() => undefined);
    if (!done.signal.aborted && performance.now() - began > warmupSeconds * 1000)
      megabytes.push((await residentMegabytes(collector.pid)).now);
  }
  const published = await publishing;
  const { peak } = await residentMegabytes(collector.pid);
  return { megabytes, peak, rate: (published.sent * 1000) / (published.ended - published.began) };
}
