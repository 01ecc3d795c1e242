/*
 * `npm run bench`: measures Sluice beside what is comparable, and writes the report. All that it needs it starts itself, in
 * a temporary folder, and ends; also on Ctrl-C.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { EmbeddedPostgres } from '../commands/up/postgres.ts';
import { freePort } from '../test/harness/server.ts';
import type { Bench } from './bench.ts';
import { mosquitto } from './broker.ts';
import { drawThroughput, type Point } from './chart.ts';
import { appendHistory, comparison, currentCommit, entryOf, readHistory } from './history.ts';
import { describeMachine } from './machine.ts';
import { measureBaseline } from './parts/baseline.ts';
import { measureBrokers } from './parts/brokers.ts';
import { measureCatchUp } from './parts/catch-up.ts';
import { measureFleet } from './parts/fleet.ts';
import { measureGrowth } from './parts/growth.ts';
import { measureHttp } from './parts/http.ts';
import { measureImport } from './parts/import.ts';
import { measureLake } from './parts/lake.ts';
import { measureLatency } from './parts/latency.ts';
import { measureManySensors } from './parts/many-sensors.ts';
import { measureMemory } from './parts/memory.ts';
import { measureMidnight } from './parts/midnight.ts';
import { measureOutlets } from './parts/outlets.ts';
import { measurePublisher } from './parts/publisher.ts';
import { measureRivals } from './parts/rivals.ts';
import { measureThroughput } from './parts/throughput.ts';
import { full, type Plan, quick } from './plan.ts';
import { Programs } from './programs.ts';
import { remainingSeconds } from './progress.ts';
import { hasReference } from './reference.ts';
import { duration, reportText } from './report.ts';
import type { PartResult } from './result.ts';
import { type MeasuredPart, mergeResults, RESULTS_FILE, type Results, readResults } from './results.ts';

const parts: Record<string, (bench: Bench, plan: Plan) => Promise<PartResult>> = {
  publisher: measurePublisher,
  throughput: measureThroughput,
  'many-sensors': measureManySensors,
  fleet: measureFleet,
  baseline: measureBaseline,
  'catch-up': measureCatchUp,
  import: measureImport,
  latency: measureLatency,
  midnight: measureMidnight,
  memory: measureMemory,
  growth: measureGrowth,
  http: measureHttp,
  brokers: measureBrokers,
  rivals: measureRivals,
  outlets: measureOutlets,
  lake: measureLake,
};
/** Only measured where they are asked for. */
const optional = new Set(['import', 'brokers', 'rivals', 'outlets', 'lake']);
const usual = Object.keys(parts).filter(name => !optional.has(name));

const usage = `usage: npm run bench -- [--quick] [--only PART,…] [--rivals] [--compare] [--out FOLDER]
       npm run fleet -- [--readings N] [--sensors N] [--out FOLDER]

Measures Sluice beside mosquitto_sub, COPY and a naive collector, and writes a report, its figures as JSON, and a chart.

  --quick         small loads, few rounds, about five minutes: shows that it runs; the figures are rough
  --only PART,…   only these parts: ${Object.keys(parts).join(', ')}
  --rivals        also other programs that store what a broker sends, as far as they are installed
  --readings N    of the part lake, which is npm run fleet: how many go through all of it; 20 million unless it is quick
  --sensors N     of how many sensors they are; 1,000
  --compare       say which ratios moved by more than their noise since the runs in bench/history.jsonl; a run that is
                  written to bench/ is added to them
  --out FOLDER    where to write; default: bench/ for a whole run, a temporary folder for any other. Parts that are
                  there from an earlier run, and are not measured again, stay, unless they are of another machine

Exit 0: everything was measured, whether or not the targets are met. 1: it failed or was stopped. 2: it cannot be run so.`;

interface Arguments {
  quick: boolean;
  names: string[];
  lake: { readings?: number; sensors?: number };
  compare: boolean;
  out: string | undefined;
}

/** @returns undefined where only the usage was asked for. @throws what is wrong, in a sentence. */
function readArguments(): Arguments | undefined {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rivals: { type: 'boolean', default: false },
      compare: { type: 'boolean', default: false },
      readings: { type: 'string' },
      sensors: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const names = values.only?.split(',').map(name => name.trim()) ?? [...usual];
  if (values.rivals && !names.includes('rivals')) names.push('rivals');
  const unknown = names.filter(name => !(name in parts));
  if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(', ')}`);
  if (process.platform !== 'linux')
    throw new Error('CPU time and memory are read from /proc: this needs Linux');
  if (mosquitto === undefined) throw new Error('Mosquitto is not installed (Debian: apt install mosquitto)');
  if (!hasReference)
    throw new Error('mosquitto_sub is not installed (Debian: apt install mosquitto-clients)');
  const lake: Arguments['lake'] = {};
  for (const name of ['readings', 'sensors'] as const) {
    if (values[name] === undefined) continue;
    const number = Number(values[name]);
    if (!(Number.isInteger(number) && number > 0))
      throw new Error(`--${name} must be a whole number from 1 on, not ${values[name]}`);
    lake[name] = number;
  }
  return { quick: values.quick, names, lake, compare: values.compare, out: values.out };
}

/** Measures the parts one after the other; in the order in which they stand above. */
async function measureParts(
  { quick: isQuick, names, lake }: Arguments,
  signal: AbortSignal,
): Promise<Omit<Results, 'verdicts'>> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const print = (line: string) => console.log(line);
  const postgres = new EmbeddedPostgres({
    dataDir: join(folder, 'postgres'),
    port: await freePort(),
    log: print,
  });
  stack.defer(() => postgres.stop());
  await postgres.start();
  const programs = stack.use(new Programs(folder));
  // Whoever waits for a program gets an error when it ends.
  signal.addEventListener('abort', () => programs[Symbol.dispose]());
  const bench: Bench = { folder, programs, serverUrl: postgres.url, signal, print };

  const client = new pg.Client(postgres.url);
  await client.connect();
  const machine = await describeMachine(folder, client);
  await client.end();
  return {
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(
      ' ',
    ),
    quick: isQuick,
    machine,
    parts: await measureEach(bench, names, planOf(isQuick, lake)),
  };
}

function planOf(isQuick: boolean, lake: Arguments['lake']): Plan {
  const plan = isQuick ? quick : full;
  return { ...plan, lake: { ...plan.lake, ...lake } };
}

async function measureEach(
  bench: Bench,
  names: readonly string[],
  plan: Plan,
): Promise<Record<string, MeasuredPart>> {
  const began = Date.now();
  const results: Record<string, MeasuredPart> = {};
  const steps = Object.keys(parts)
    .filter(name => names.includes(name))
    .map(name => ({ name, seconds: plan.expectedSeconds[name as keyof Plan['expectedSeconds']] }));
  for (const [done, { name }] of steps.entries()) {
    bench.signal.throwIfAborted();
    const partBegan = Date.now();
    const loadBefore = loadavg()[0]!;
    const left = remainingSeconds(steps, done, (partBegan - began) / 1000);
    bench.print(`${name} (part ${done + 1} of ${steps.length}; about ${duration(left)} left)`);
    const result = await parts[name]!(bench, plan);
    const seconds = (Date.now() - partBegan) / 1000;
    results[name] = { ...result, date: new Date(partBegan).toISOString(), seconds, loadBefore };
  }
  return results;
}

/** A whole run is the one that is published; any other must not take its place unasked. */
async function folderFor({ quick: isQuick, names, out }: Arguments): Promise<string> {
  if (out !== undefined) {
    await mkdir(out, { recursive: true });
    return resolve(out);
  }
  const whole = !isQuick && usual.every(name => names.includes(name));
  return whole ? import.meta.dirname : mkdtemp(join(tmpdir(), 'sluice-bench-results-'));
}

async function write(results: Results, folder: string): Promise<string> {
  const points = (results.parts.throughput as { points?: Point[] } | undefined)?.points;
  if (points !== undefined) await writeFile(join(folder, 'throughput.svg'), drawThroughput(points));
  await writeFile(join(folder, RESULTS_FILE), `${JSON.stringify(results, undefined, 2)}\n`);
  const report = reportText(results, points === undefined ? undefined : 'throughput.svg');
  await writeFile(join(folder, 'RESULTS.md'), report);
  return report;
}

async function main(): Promise<number> {
  let args: Arguments | undefined;
  try {
    args = readArguments();
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (args === undefined) {
    console.log(usage);
    return 0;
  }
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));
  }
  try {
    const latest = await measureParts(args, stopped.signal);
    const folder = await folderFor(args);
    const results = mergeResults(await readResults(folder), latest, Object.keys(parts));
    console.log(`\n${await write(results, folder)}\nWritten to ${folder}`);
    const entry = entryOf(latest, new Date().toISOString(), currentCommit());
    if (args.compare) console.log(`\n${comparison(await readHistory(import.meta.dirname), entry)}`);
    if (folder === import.meta.dirname) await appendHistory(folder, entry);
    return 0;
  } catch (error) {
    console.error(stopped.signal.aborted ? (stopped.signal.reason as Error).message : error);
    return 1;
  }
}

process.exitCode = await main();
