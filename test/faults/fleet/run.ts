import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { natsProgram } from '../../harness/nats.ts';
import { type FleetOptions, runFleet } from './fleet.ts';

const usage = `usage: npm run faults:fleet -- [--minutes N] [--seed S] [--rate R] [--collectors N] [--partition sensor|hour]

N collectors (default 3) share a consumer of a NATS cluster of three servers, for N minutes (default 10), while R messages
a second (default 1000) are published. Collectors and servers are killed and cut off from each other, and one collector
dies for good; then nothing may be lost and nothing double. A seed repeats the faults of a run.
Exit 0: it passed. 1: it did not, and everything is kept to be looked at. 2: it cannot be run so.`;

function readArguments(): Omit<FleetOptions, 'folder' | 'print' | 'signal'> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { minutes: text, seed: text, rate: text, collectors: text, partition: text },
  });
  const { partition = 'sensor' } = values;
  if (partition !== 'sensor' && partition !== 'hour')
    throw new Error(`--partition must be sensor or hour, not ${partition}`);
  const number = (name: keyof typeof values, preset: number, least: number): number => {
    const value = values[name] === undefined ? preset : Number(values[name]);
    if (!(value >= least))
      throw new Error(`--${name} must be a number from ${least} on, not ${values[name]}`);
    return value;
  };
  if (natsProgram === undefined)
    throw new Error('nats-server is not installed (Debian: apt install nats-server)');
  return {
    seconds: number('minutes', 10, 0.1) * 60,
    seed: Math.floor(number('seed', Math.floor(Math.random() * 2 ** 32), 0)),
    rate: number('rate', 1000, 1),
    members: Math.floor(number('collectors', 3, 2)),
    partition,
  };
}

async function main(): Promise<number> {
  let args: ReturnType<typeof readArguments>;
  try {
    args = readArguments();
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));
  }
  const folder = await mkdtemp(join(tmpdir(), `sluice-fleet-${process.pid}-`));
  console.log(`seed ${args.seed}, in ${folder}`);
  try {
    const print = (line: string) => console.log(line);
    const { faults, violations, ...outcome } = await runFleet({
      ...args,
      folder,
      print,
      signal: stopped.signal,
    });
    const rows = [
      ...[...faults].map(([kind, count]) => [`fault: ${kind}`, count] as const),
      ...Object.entries(outcome),
    ];
    console.log(`\n${rows.map(([name, value]) => `${name.padEnd(44)} ${value}`).join('\n')}`);
    if (violations.length === 0 && outcome.lost === 0 && outcome.doubled === 0) {
      await rm(folder, { recursive: true });
      return 0;
    }
    console.error(violations.join('\n'));
  } catch (error) {
    console.error(stopped.signal.aborted ? (stopped.signal.reason as Error).message : error);
  }
  console.error(
    `\nFAILED. Repeat it with --seed ${args.seed} --partition ${args.partition}; kept in ${folder}`,
  );
  return 1;
}

process.exitCode = await main();
