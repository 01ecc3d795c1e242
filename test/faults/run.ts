import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BrokerKind, brokerKinds, hasBroker } from './broker.ts';
import { canStartApart } from './collector-process.ts';
import { type Outcome, runScenario } from './scenario.ts';

const usage = `usage: npm run faults -- [--minutes N] [--seed S] [--rate R] [--sensors N] [--partition sensor|hour]
       [--broker mosquitto|rabbitmq|nats] [--ignores-case] [--clock] [--thaw]

Breaks everything that a collector can lose data by, at random instants, for N minutes (default 10), while R messages a
second (default 2500) are published; then demands that nothing is lost and nothing double. A seed repeats a run. --ignores-case
records in a folder that ignores case, by FUSE. --clock also sets the collector's clock ahead, sets it behind and stops it;
then nothing is sent that has no time of its own. --thaw also freezes the collector, lets another one take its folder, as from
another container, and thaws it; that needs the right to make a process namespace.
Exit 0: it passed. 1: it did not, and everything is kept to be looked at. 2: it cannot be run so.`;

/** Differences that are printed of a failing run. */
const PRINTED = 20;

interface Arguments {
  minutes: number;
  seed: number;
  rate: number;
  sensors: number;
  partition: 'sensor' | 'hour';
  broker: BrokerKind;
  ignoresCase: boolean;
  setsClock: boolean;
  thaws: boolean;
}

/** @returns undefined where only the usage is asked for. */
function readArguments(): Arguments | undefined {
  const text = { type: 'string' } as const;
  const options = { minutes: text, seed: text, rate: text, sensors: text, partition: text, broker: text };
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: { ...options, 'ignores-case': flag, clock: flag, thaw: flag, help: flag },
  });
  if (values.help) return undefined;
  const { partition = 'sensor' } = values;
  const broker = brokerKinds.find(kind => kind === (values.broker ?? 'mosquitto'));
  if (broker === undefined)
    throw new Error(`--broker must be one of ${brokerKinds.join(', ')}, not ${values.broker}`);
  if (partition !== 'sensor' && partition !== 'hour')
    throw new Error(`--partition must be sensor or hour, not ${partition}`);
  const number = (name: 'minutes' | 'seed' | 'rate' | 'sensors', preset: number, least: number): number => {
    const value = values[name] === undefined ? preset : Number(values[name]);
    if (!(value >= least))
      throw new Error(`--${name} must be a number from ${least} on, not ${values[name]}`);
    return value;
  };
  return {
    minutes: number('minutes', 10, 0.1),
    seed: Math.floor(number('seed', Math.floor(Math.random() * 2 ** 32), 0)),
    rate: number('rate', 2500, 1),
    sensors: Math.floor(number('sensors', 60, 1)),
    partition,
    broker,
    ignoresCase: values['ignores-case'] ?? false,
    setsClock: values.clock ?? false,
    thaws: values.thaw ?? false,
  };
}

function summary({
  seed,
  seconds,
  sent,
  acknowledged,
  faults,
  kills,
  lost,
  double,
  doubledByBroker,
  redelivered,
  ...rest
}: Outcome): string {
  const rows: [string, string | number][] = [
    ['seed', seed],
    ['minutes', (seconds / 60).toFixed(1)],
    ['messages sent', `${sent} (${Math.round(sent / seconds)} a second)`],
    ['messages acknowledged', acknowledged],
    ...[...faults].map(([kind, count]): [string, number] => [`fault: ${kind}`, count]),
    ['SIGKILLs of the collector, all kinds', kills],
    ['restarts with lines left to load', rest.restartsWithPending],
    ['nights with raw files to compress', rest.nights],
    ['duplicates that the broker sent', redelivered],
    ['lost', lost],
    ['double', double],
    ['without a time, doubled by the broker', doubledByBroker],
    ['differences', rest.violations.length],
  ];
  return rows.map(([name, value]) => `${name.padEnd(40)} ${value}`).join('\n');
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
  if (!hasBroker(args.broker)) {
    console.error(`The faults need a real ${args.broker}: install it (.ci/run names Debian's packages).`);
    return 2;
  }
  if (args.thaws && !canStartApart) {
    console.error('--thaw needs the right to make a process namespace (unshare --pid), as root has it.');
    return 2;
  }
  const { minutes, seed, rate, sensors, partition, broker, ignoresCase, setsClock, thaws } = args;
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));
  }
  const folder = await mkdtemp(join(tmpdir(), `sluice-faults-${process.pid}-`));
  console.log(
    `seed ${seed}, ${minutes} minutes, ${rate} messages a second of ${sensors} sensors in files by ${partition} through ${broker}, in ${folder}`,
  );
  try {
    const outcome = await runScenario({
      folder,
      seed,
      seconds: minutes * 60,
      rate,
      sensors,
      partition,
      broker,
      ignoresCase,
      setsClock,
      thaws,
      print: line => console.log(line),
      signal: stopped.signal,
    });
    console.log(`\n${summary(outcome)}`);
    if (outcome.violations.length === 0) {
      await rm(folder, { recursive: true });
      return 0;
    }
    console.log(`\nThe first differences:\n${outcome.violations.slice(0, PRINTED).join('\n')}`);
  } catch (error) {
    if (stopped.signal.aborted) {
      await rm(folder, { recursive: true });
      console.error((stopped.signal.reason as Error).message);
      return 1;
    }
    console.error(error);
  }
  console.error(
    `\nFAILED. Repeat it with --seed ${seed} --minutes ${minutes} --rate ${rate} --sensors ${sensors} --partition ${partition} --broker ${broker}${ignoresCase ? ' --ignores-case' : ''}${setsClock ? ' --clock' : ''}${thaws ? ' --thaw' : ''}; kept in ${folder}`,
  );
  return 1;
}

process.exitCode = await main();
