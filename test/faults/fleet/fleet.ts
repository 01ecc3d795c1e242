import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { random } from '../../../generator/random.ts';
import { until } from '../../harness/eventually.ts';
import { freePort, startPostgres } from '../../harness/server.ts';
import { CollectorProcess, runVerify } from '../collector-process.ts';
import { settings } from '../world.ts';
import { NatsCluster } from './nats-cluster.ts';
import { CONSUMER, type Sent, STREAM, StreamPublisher, TOPICS } from './stream-publisher.ts';

const program = fileURLToPath(new URL('../../../sluice.js', import.meta.url));

const NODES = 3;
const SENSORS = 50;
/** The least and the greatest wait between two faults, and how long one lasts; ms. */
const GAP_MS = [500, 4000] as const;
const HOLD_MS = [500, 6000] as const;
const PATIENCE_MS = 180_000;

const kinds = [
  'SIGKILL of a collector',
  'SIGKILL of a collector',
  'SIGKILL of a NATS server',
  'collectors cut off from the cluster',
  'collectors cut off from one server',
] as const;
type Kind = (typeof kinds)[number];

export interface FleetOptions {
  folder: string;
  seed: number;
  seconds: number;
  /** Messages a second. */
  rate: number;
  /** Collectors that share the consumer; the last one dies for good in the middle of the run. */
  members: number;
  /** RAW_PARTITION. */
  partition?: 'sensor' | 'hour';
  print: (line: string) => void;
  signal: AbortSignal;
}

export interface FleetOutcome {
  acknowledged: number;
  faults: Map<Kind, number>;
  /** Lines in the ledger beyond those readings: what the stream delivered more than once. */
  redelivered: number;
  lost: number;
  doubled: number;
  /** What must not be, a sentence each. */
  violations: string[];
}

/** A collector with a folder and a name in the ledger of its own. */
interface Member {
  env: NodeJS.ProcessEnv;
  process: CollectorProcess;
}

/**
 * Several collectors share a consumer of a NATS cluster while servers and collectors are killed and cut off. One collector
 * dies for good; its folder is loaded afterwards, as one would load a volume that was saved.
 */
export async function runFleet(options: FleetOptions): Promise<FleetOutcome> {
  const { folder, seconds, rate, members: count, partition = 'sensor', print, signal } = options;
  await using stack = new AsyncDisposableStack();
  await writeFile(join(folder, 'topics.yml'), TOPICS);
  const cluster = stack.use(await NatsCluster.start(folder, NODES));
  const publisher = stack.use(await StreamPublisher.start(cluster.urls));
  const postgres = stack.use(await startPostgres());
  const violations: string[] = [];
  const members: Member[] = [];
  for (let index = 0; index < count; index++) {
    const member = await memberOf(folder, index, cluster, postgres.url, partition, violations);
    stack.use(member.process);
    members.push(member);
    // One after the other: the first one makes the tables.
    member.process.start();
  }
  print(`${count} collectors and ${NODES} NATS servers run`);

  const publishing = publisher.run(rate, SENSORS, seconds * 1000, signal);
  const faults = await breakThings(options, cluster, members);
  await publishing;

  const [dead, ...living] = members.toReversed();
  await until('every message is acknowledged by a collector', async () => (await publisher.left()) === 0, {
    ms: PATIENCE_MS,
    everyMs: 500,
    signal,
  });
  await runReplay(dead!.env, join(folder, 'replay.log'));
  const client = new pg.Client(postgres.url);
  await client.connect();
  stack.defer(() => client.end());
  const rows = async () =>
    Number((await client.query('SELECT count(*) AS n FROM silver.sensor_reading')).rows[0].n);
  await until('everything is stored', async () => (await rows()) >= publisher.acknowledged.length, {
    ms: PATIENCE_MS,
    everyMs: 500,
    signal,
  }).catch((error: Error) => violations.push(error.message));
  for (const { process } of living) await process.stop();

  const judged = await judge(client, publisher.acknowledged);
  for (const [index, { env }] of members.entries()) {
    const others = members
      .filter(member => member.env !== env)
      .flatMap(member => ['--data', member.env.DATA_DIR!]);
    const { status, output } = await runVerify(env, others);
    if (status !== 0) violations.push(`verify of collector ${index} ended with ${status}:\n${output}`);
  }
  return { acknowledged: publisher.acknowledged.length, faults, ...judged, violations };
}

async function memberOf(
  folder: string,
  index: number,
  cluster: NatsCluster,
  databaseUrl: string,
  partition: string,
  violations: string[],
): Promise<Member> {
  const env = settings({
    NATS_URL: cluster.proxied,
    NATS_STREAM: STREAM,
    NATS_CONSUMER: CONSUMER,
    TOPICS_FILE: join(folder, 'topics.yml'),
    MQTT_CLIENT_ID: `member${index}`,
    DATABASE_URL: databaseUrl,
    DATA_DIR: join(folder, `data${index}`),
    RAW_PARTITION: partition,
    HTTP_PORT: String(await freePort()),
    LOG_FORMAT: 'json',
  });
  const process = new CollectorProcess(env, join(folder, `collector${index}.log`), ({ status, signal }) =>
    violations.push(`collector ${index} ended by itself (${signal ?? `status ${status}`})`),
  );
  return { env, process };
}

/** Breaks one thing after the other until the time is over, by the seed alone. At the end all but the dead one run. */
async function breakThings(
  { seed, seconds, print, signal }: FleetOptions,
  cluster: NatsCluster,
  members: readonly Member[],
): Promise<Map<Kind, number>> {
  const faults = new Map<Kind, number>();
  const began = Date.now();
  const end = began + seconds * 1000;
  let alive = members;
  for (let turn = 0; ; turn++) {
    const dice = (what: number) => random(seed, turn, what);
    const between = ([least, most]: readonly [number, number], what: number) =>
      least + dice(what) * (most - least);
    await sleep(between(GAP_MS, 0), undefined, { signal });
    if (Date.now() >= end) break;
    if (alive === members && Date.now() - began > (seconds * 1000) / 2) {
      alive = members.slice(0, -1);
      await members.at(-1)!.process.kill();
      print(`${elapsed(began)} the last collector dies for good`);
    }
    const kind = kinds[Math.floor(dice(1) * kinds.length)]!;
    faults.set(kind, (faults.get(kind) ?? 0) + 1);
    print(`${elapsed(began)} ${kind}`);
    const undo = await faultOf(kind, alive[Math.floor(dice(2) * alive.length)]!, cluster, dice(3));
    await sleep(between(HOLD_MS, 4), undefined, { signal });
    await undo();
  }
  return faults;
}

/** @returns what ends it. */
async function faultOf(
  kind: Kind,
  { process }: Member,
  { nodes }: NatsCluster,
  dice: number,
): Promise<() => unknown> {
  const node = nodes[Math.floor(dice * nodes.length)]!;
  switch (kind) {
    case 'SIGKILL of a collector':
      await process.kill();
      return () => process.start();
    case 'SIGKILL of a NATS server':
      await node.kill();
      return () => node.start();
    case 'collectors cut off from the cluster':
      for (const { proxy } of nodes) proxy.refuse();
      return () => {
        for (const { proxy } of nodes) proxy.forward();
      };
    case 'collectors cut off from one server':
      node.proxy.hang();
      return () => node.proxy.forward();
  }
}

const elapsed = (began: number) => `${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s`;

/** Loads a folder whose collector is gone. */
async function runReplay(env: NodeJS.ProcessEnv, log: string): Promise<void> {
  const child = spawn(process.execPath, [program, 'replay'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => appendFileSync(log, text));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`sluice replay ended with ${status}; see ${log}`);
}

/** Compares silver with what was acknowledged. */
async function judge(
  client: pg.Client,
  acknowledged: readonly Sent[],
): Promise<Pick<FleetOutcome, 'lost' | 'doubled' | 'redelivered'>> {
  const { rows } = await client.query<{ sensor_id: string; time: Date; value: number }>(
    'SELECT sensor_id, time, value FROM silver.sensor_reading',
  );
  const stored = new Map<number, { sensor_id: string; time: Date }>();
  let doubled = 0;
  for (const { value, ...reading } of rows) {
    if (stored.has(value)) doubled++;
    stored.set(value, reading);
  }
  const isStored = ({ sensor, time, value }: Sent) => {
    const found = stored.get(value);
    return found?.sensor_id === sensor && (time === undefined || found.time.toISOString() === time);
  };
  const lost = acknowledged.filter(sent => !isStored(sent)).length;
  const { rows: ledger } = await client.query<{ duplicates: string; conflicts: string }>(
    'SELECT sum(duplicates) AS duplicates, sum(conflicts) AS conflicts FROM bronze.raw_file',
  );
  const { duplicates, conflicts } = ledger[0]!;
  return { lost, doubled: doubled + Number(conflicts), redelivered: Number(duplicates) };
}
