import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type pg from 'pg';
import { Backoff } from '../../base/backoff.ts';
import { errorText } from '../../base/errors.ts';
import { zoneOf } from '../../base/time.ts';
import { connect, sever } from '../../db/connect.ts';
import { shapeHypertable } from '../../db/hypertables.ts';
import { migrate } from '../../db/migrate.ts';
import { Backlog, FileReplacedError } from './backlog.ts';
import { BatchPolicy } from './batch-policy.ts';
import { BlockStore } from './block-store.ts';
import { addCounters, emptyCounters } from './byte-range.ts';
import { OffsetMovedError } from './ledger.ts';
import type { FromLoader, LoaderData, LoaderLog, ToLoader } from './protocol.ts';
import { REGISTRY_CHANNEL, Registry, upsertSensors } from './registry.ts';
import { prepareStaging } from './store.ts';

/*
 * The loader. States: *connecting* (with backoff; migrates, upserts the registry, compares the files with the ledger),
 * *waiting* for a batch to be due, *storing* it. An error that blames no row leads back to *connecting*: what was not
 * committed is read again from where the ledger says.
 */

/** A batch is never larger: it bounds the memory, and what a lost connection makes us do again. */
const MOST_BYTES = 4 * 1024 * 1024;
/** A database that has not stored a batch within this time hangs, or the batch is too large for it: see `mostBytes`. */
const DEADLINE_MS = 60_000;
/** After this long without an answer /ready says so. */
const SLOW_MS = 10_000;
/** Batches do not get smaller than this, however slow the database is. */
const LEAST_BYTES = 32 * 1024;
/** How often the registry is read again where nobody tells that it has changed. */
const REGISTRY_MS = 60_000;

/** Between batches the collector hears of what is pending this often. */
const REPORT_MS = 500;

const port = parentPort!;
const { config, collector, sensors } = workerData as LoaderData;
const send = (message: FromLoader) => port.postMessage(message);
const logAt = (level: 'info' | 'warn' | 'error') => (fields: object, message: string) =>
  send({ type: 'log', level, fields, message });
const log: LoaderLog = { info: logAt('info'), warn: logAt('warn'), error: logAt('error') };
const zone = zoneOf(config.SENSOR_TIMEZONE);
const backlog = new Backlog(join(config.DATA_DIR, 'raw'), collector, log, config.LATE_MINUTES);
const store = new BlockStore(collector, zone, log);
const policy = new BatchPolicy(config.BATCH_ROWS, config.BATCH_MS);
const loaded = emptyCounters();
let away: { since: string; reason: string } | undefined = {
  since: new Date().toISOString(),
  reason: 'not connected yet',
};
/** The registry is upserted once: what is changed in the database afterwards stays. */
let registered = false;
/** When the registry was last read; long ago when somebody has told that it has changed. */
let registryAt = Number.NEGATIVE_INFINITY;
let draining = false;
/** Halved when a batch takes too long (late rows into compressed chunks may), until batches get through again. */
let mostBytes = MOST_BYTES;
let reportedAt = 0;
/** Why the connection broke while nobody waited for an answer. */
let lost: Error | undefined;
let wake: () => void = () => undefined;
let onSnapshot: (sizes: Map<string, number>) => void = () => undefined;

port.on('message', (message: ToLoader) => {
  if (message.type === 'snapshot') {
    onSnapshot(message.sizes);
  } else if (message.type === 'drain') {
    draining = true;
    wake();
  } else {
    let lines = 0;
    for (const durable of message.files) {
      backlog.grow(durable.file, durable.size, durable.anew, durable.marks);
      lines += durable.lines;
    }
    policy.add(lines, performance.now());
    if (performance.now() - reportedAt > REPORT_MS) report();
    wake();
  }
});

function report(): void {
  reportedAt = performance.now();
  const database = away === undefined ? { connected: true as const } : { connected: false as const, ...away };
  send({ type: 'status', status: { database, pendingBytes: backlog.bytes, loaded } });
}

const backoff = new Backoff(250, 30_000);

async function run(): Promise<never> {
  for (;;) {
    let client: pg.Client | undefined;
    try {
      client = await begin();
      await loadForEver(client);
    } catch (error) {
      if (error instanceof OffsetMovedError || error instanceof FileReplacedError)
        log.warn({}, error.message);
      else noteAway(error as Error);
    }
    if (client !== undefined) sever(client);
    await sleep(backoff.next());
  }
}

/** Connects and brings everything up to date: schema, registry, positions. */
async function begin(): Promise<pg.Client> {
  lost = undefined;
  const client = await connect(config.DATABASE_URL, 'sluice loader', error => {
    lost = error;
    wake();
  });
  client.on('notification', () => {
    registryAt = Number.NEGATIVE_INFINITY;
  });
  const wasAway = away !== undefined;
  await withinDeadline(client, async () => {
    await client.query(`LISTEN ${REGISTRY_CHANNEL}`);
    await migrate(config.DATABASE_URL, (message, level) => log[level]({}, message));
    if (!registered) {
      await shapeHypertable(client, config, message => log.warn({}, message));
      await upsertSensors(client, sensors);
    }
    registered = true;
    await prepareStaging(client);
    await backlog.synchronise(client, await snapshot());
  });
  if (wasAway) log.info({ pendingBytes: backlog.bytes }, 'connected to the database');
  if (backlog.bytes > 0) policy.taken(true, performance.now());
  report();
  return client;
}

/** Runs a task on a connection; when it fails or takes too long, the connection is severed. */
async function withinDeadline(client: pg.Client, task: () => Promise<void>): Promise<void> {
  const since = new Date().toISOString();
  const slow = setTimeout(() => {
    away ??= { since, reason: 'the database has not answered yet' };
    report();
  }, SLOW_MS);
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`the database has not answered for ${DEADLINE_MS / 1000} s`)),
    DEADLINE_MS,
  );
  try {
    await Promise.race([task(), expired]);
    away = undefined;
  } catch (error) {
    sever(client);
    throw error;
  } finally {
    clearTimeout(slow);
    clearTimeout(timer);
  }
}

function snapshot(): Promise<Map<string, number>> {
  return new Promise(resolve => {
    onSnapshot = resolve;
    send({ type: 'snapshot' });
  });
}

function noteAway(error: Error): void {
  const reason = errorText(error);
  // One line when it goes away and one when the reason changes; a day of retries is not a day of log lines.
  if (away === undefined || away.reason !== reason) {
    const { path } = error as NodeJS.ErrnoException;
    if (path !== undefined) log.error({ reason }, 'cannot read the raw files; recording goes on');
    else log.warn({ reason }, 'the database is away; recording goes on, and loading goes on when it is back');
  }
  away = { since: away?.since ?? new Date().toISOString(), reason };
  report();
}

async function loadForEver(client: pg.Client): Promise<never> {
  registryAt = performance.now();
  let registry = await Registry.load(client);
  for (;;) {
    await due();
    if (performance.now() - registryAt > REGISTRY_MS) {
      // First the time: it may change again while we read it.
      registryAt = performance.now();
      registry = await Registry.load(client);
    }
    await loadBatch(client, registry);
    report();
  }
}

/** Resolves when a batch is due; rejects when the connection is lost meanwhile. */
async function due(): Promise<void> {
  for (;;) {
    if (lost !== undefined) throw lost;
    const wait = policy.untilDue(performance.now());
    const pending = backlog.bytes > 0;
    if (pending && (wait === 0 || draining)) return;
    if (!pending && draining) send({ type: 'drained' });
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    const timer = pending && wait !== undefined ? setTimeout(resolve, wait) : undefined;
    await promise;
    clearTimeout(timer);
  }
}

async function loadBatch(client: pg.Client, registry: Registry): Promise<void> {
  const blocks = backlog.read(mostBytes);
  const decompressed = backlog.decompress();
  // While there is anything else to load, nobody waits for it, and nobody misses its error: it is tried again.
  if (blocks.length === 0) await decompressed;
  else decompressed.catch(() => undefined);
  const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0);
  // What arrives while this batch is stored waits for the next one.
  policy.taken(bytes < backlog.bytes, performance.now());
  mostBytes = Math.max(LEAST_BYTES, mostBytes >> 1);
  const before = { lines: loaded.lines, ms: performance.now() };
  await withinDeadline(client, () =>
    store.store(client, blocks, registry, (counters, ends) => {
      addCounters(loaded, counters);
      for (const [file, end] of ends) backlog.advance(file, end);
    }),
  );
  send({
    type: 'batch',
    lines: loaded.lines - before.lines,
    seconds: (performance.now() - before.ms) / 1000,
  });
  backoff.reset();
  // It was halved above, so this doubles it.
  mostBytes = Math.min(MOST_BYTES, mostBytes * 4);
}

await run();
