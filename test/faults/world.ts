import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FuseFolder } from '../harness/fuse-folder.ts';
import { freePort } from '../harness/server.ts';
import { type BrokerKind, type FaultsBroker, startBroker } from './broker.ts';
import { CollectorProcess, type Ending } from './collector-process.ts';
import { MachineClock } from './machine-clock.ts';
import { Messages } from './messages.ts';
import { Postgres } from './postgres.ts';
import { TcpProxy } from './proxy.ts';
import { Publisher } from './publisher.ts';
import { ReloadedFiles } from './reloaded-files.ts';
import { SmallDisk } from './small-disk.ts';

/** So that a run's faults last longer than the collector takes to notice a dead connection; s. */
const KEEPALIVE_S = 5;
/** Bytes of raw files a publication, rounded up: sizes the disk. */
const MESSAGE_BYTES = 150;
const LEAST_DISK_MB = 64;

interface WorldOptions {
  folder: string;
  seed: number;
  /** Publications a second. */
  rate: number;
  sensors: number;
  seconds: number;
  /** RAW_PARTITION. */
  partition?: 'sensor' | 'hour';
  broker?: BrokerKind;
  /** The data folder is on a file system that ignores case; the disk cannot be filled then. */
  ignoresCase?: boolean;
  /** The collector's clock is set. Then nothing is sent that has no time of its own: when it came is what the clock said. */
  setsClock?: boolean;
}

/** Ends with the scope. */
interface Successor extends AsyncDisposable {
  process: CollectorProcess;
  http: string;
}

/** Everything that a run has. It ends with the scope, in the reverse order of its start. */
export interface World extends AsyncDisposable {
  messages: Messages;
  dataDir: string;
  files: ReloadedFiles;
  /** Standard output and error of the collectors, JSON lines. */
  logFile: string;
  /** Address of the collector's /ready. */
  http: string;
  /** What the collector records on; undefined where this user may not mount one. */
  disk: SmallDisk | undefined;
  broker: FaultsBroker;
  /** Undefined where it is never set. */
  clock: MachineClock | undefined;
  brokerProxy: TcpProxy;
  postgres: Postgres;
  databaseProxy: TcpProxy;
  collector: CollectorProcess;
  publisher: Publisher;
  /** Another collector on the same folder, as in another container; not started. */
  successor(): Promise<Successor>;
  /** Settings of a command that reaches the database past the proxy. */
  env: NodeJS.ProcessEnv;
  /** While this is set a collector may be unable to start, and end. */
  diskIsFull: boolean;
  /** What happened during the run that must not. */
  violations: string[];
}

/**
 * Starts a broker and a database, each behind a proxy, a collector process between them on a small disk of its own, and a
 * publisher.
 */
export async function startWorld({
  folder,
  seed,
  rate,
  sensors,
  seconds,
  partition = 'sensor',
  broker: brokerKind = 'mosquitto',
  ignoresCase = false,
  setsClock = false,
}: WorldOptions): Promise<World> {
  await using stack = new AsyncDisposableStack();
  // Catching up after a stall can bring no more than the rate; the end of a run takes a moment.
  const most = Math.ceil(rate * (seconds + 60));
  const diskMb = LEAST_DISK_MB + Math.ceil((most * MESSAGE_BYTES) / 1e6);
  const disk = ignoresCase ? undefined : await SmallDisk.mount(folder, diskMb);
  if (disk) stack.use(disk);
  const folded = ignoresCase ? await FuseFolder.mount(folder, { names: 'apfs' }) : undefined;
  if (folded) stack.use(folded);
  else if (ignoresCase) throw new Error('there is no FUSE: a folder that ignores case cannot be made');
  const dataDir = folded ? join(folded.path, 'data') : (disk?.path ?? join(folder, 'data'));

  const sequence = { seed, sensors, beginMs: Date.now(), rate, envelopes: !setsClock };
  const messages = new Messages(sequence);
  const files = await ReloadedFiles.write(folder, messages.registry());

  const postgres = stack.use(await Postgres.start(join(folder, 'postgres'), await freePort()));
  const databaseProxy = stack.use(await TcpProxy.start(postgres.port));
  const broker = stack.use(await startBroker(brokerKind, folder));
  const brokerProxy = stack.use(await TcpProxy.start(broker.port));
  const clock = setsClock ? await MachineClock.make(folder) : undefined;

  const logFile = join(folder, 'collector.log');
  const httpPort = await freePort();
  const env = settings({
    MQTT_URL: `mqtt://127.0.0.1:${brokerProxy.port}`,
    MQTT_KEEPALIVE_S: String(KEEPALIVE_S),
    DATABASE_URL: postgres.url,
    DATA_DIR: dataDir,
    RAW_PARTITION: partition,
    TOPICS_FILE: files.topics,
    SENSORS_FILE: files.registry,
    HTTP_PORT: String(httpPort),
    LOG_FORMAT: 'json',
    // The files of a year ago are compressed all the time, and all the time late readings open them again.
    NIGHTLY_CRON: '* * * * * *',
    // What it would find the end of the run finds.
    NIGHTLY_VERIFY_MINUTES: '0',
  });
  const violations: string[] = [];
  const collectorEnv = { ...env, ...clock?.env, DATABASE_URL: postgres.urlAt(databaseProxy.port) };
  const onDied = ({ status, signal }: Ending) => {
    if (world.diskIsFull && status === 1) return;
    violations.push(`the collector ended by itself (${signal ?? `status ${status}`}); see ${logFile}`);
  };
  const collector = stack.use(new CollectorProcess(collectorEnv, logFile, onDied));
  const successor = async () => {
    const port = await freePort();
    const ownEnv = { ...collectorEnv, HTTP_PORT: String(port) };
    const process = new CollectorProcess(ownEnv, logFile, onDied, { isApart: true });
    return { process, http: addressOf(port), [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
  };
  const publisher = stack.use(new Publisher({ port: broker.port, messages: sequence, most }));
  const kept = stack.move();
  const world: World = {
    messages,
    dataDir,
    files,
    logFile,
    http: addressOf(httpPort),
    disk,
    broker,
    clock,
    brokerProxy,
    postgres,
    databaseProxy,
    collector,
    publisher,
    successor,
    env,
    diskIsFull: false,
    violations,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
  return world;
}

/** Our environment without settings that somebody has set for a collector of their own. */
export function settings(own: Record<string, string>): NodeJS.ProcessEnv {
  const foreign =
    /^(MQTT|NATS|TOPICS|DATABASE|DATA|SENSOR|BATCH|LATE|RAW|SILVER|NIGHTLY|LOG|HTTP|GENERATOR|EMBEDDED|PG)/;
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name))),
    ...own,
  };
}

const addressOf = (port: number) => `http://127.0.0.1:${port}`;

/** What /ready says; undefined while nobody answers. */
export async function readyOf({
  http,
}: Pick<World, 'http'>): Promise<
  { broker: { connected: boolean }; database: { connected: boolean }; pending_bytes: number } | undefined
> {
  try {
    const response = await fetch(`${http}/ready`, { signal: AbortSignal.timeout(5000) });
    return (await response.json()) as Awaited<ReturnType<typeof readyOf>>;
  } catch {
    return undefined;
  }
}

/** How often raw files were compressed, in how many nights. */
export async function nightsWithWork(world: World): Promise<number> {
  const log = await readFile(world.logFile, 'utf8');
  return log.match(/"msg":"compressed raw files"/g)?.length ?? 0;
}

/** How many of the collectors began to load with something left over from the one before. */
export async function restartsWithPendingBytes(world: World): Promise<number> {
  const log = await readFile(world.logFile, 'utf8');
  return log.match(/"pendingBytes":[1-9]\d*,"msg":"connected to the database"/g)?.length ?? 0;
}
