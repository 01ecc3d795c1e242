import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { readLateMarks } from '../../collector/bronze/late-marks.ts';
import { prepareRefresh, refreshStaleMinutes } from '../../collector/gold/refresh.ts';
import { until } from '../harness/eventually.ts';
import { Bronze } from './bronze.ts';
import { runVerify } from './collector-process.ts';
import { Silver } from './silver.ts';
import { textLength, textsIn } from './texts.ts';
import { nightsWithWork, readyOf, restartsWithPendingBytes, type World } from './world.ts';

/** A hanging connection is given up after minutes at most, and a busy machine takes its time. */
const SETTLE_MS = 4 * 60_000;
const LOOK_EVERY_MS = 1000;

/** What the end of a run is judged by. */
export interface Judgement {
  violations: string[];
  sent: number;
  acknowledged: number;
  /** Acknowledged publications that are not in bronze, and readings of bronze that are not in silver. */
  lost: number;
  /** Lines that were loaded twice, and messages without a time of their own that were stored twice although the broker lived. */
  double: number;
  /** Messages without a time of their own that are stored twice, as the broker was restarted between their arrivals, or numbered them anew. */
  doubledByBroker: number;
  /** Lines beyond what was published: the broker sent again what the collector had recorded already. */
  redelivered: number;
  restartsWithPending: number;
  /** How often raw files were compressed while late readings opened them again. */
  nights: number;
}

/** Demands, of a world in which nothing is broken any more and nothing is published, that nothing is lost and nothing double. */
export async function judge(world: World): Promise<Judgement> {
  const violations = [...world.violations];
  const missing = await settle(world, violations);
  const bronze = new Bronze(world.dataDir, world.messages, world.publisher.sent);
  const silver = await world.postgres.withClient(async client => {
    await client.query("SET TIME ZONE 'UTC'; SET extra_float_digits = 1");
    const silver = new Silver(client);
    await bronze.read((file, lines) =>
      silver.compare(file, lines, readLateMarks(join(world.dataDir, 'raw', file))),
    );
    const { doubleLines } = await silver.compareTotals(bronze.lines);
    const envelopes = judgeEnvelopes(world, bronze, await silver.storedEnvelopes());
    violations.push(
      ...bronze.violations,
      ...silver.violations,
      ...envelopes.violations,
      ...(await differencesOfGold(client)),
    );
    return {
      missingRows: silver.missingRows + envelopes.missing,
      doubleLines: doubleLines + envelopes.doubled,
      doubledByBroker: envelopes.doubledByBroker,
    };
  });
  const verified = await runVerify(world.env);
  if (verified.status !== 0)
    violations.push(`sluice verify ended with status ${verified.status}:\n${verified.output}`);
  await judgeEnd(world, violations);
  return {
    violations,
    sent: world.publisher.sent,
    acknowledged: world.publisher.acknowledged,
    lost: missing.length + silver.missingRows,
    double: silver.doubleLines,
    doubledByBroker: silver.doubledByBroker,
    redelivered: redeliveries(world, bronze),
    restartsWithPending: await restartsWithPendingBytes(world),
    nights: await nightsWithWork(world),
  };
}

/** Waits until everything acknowledged is recorded and everything recorded is loaded. @returns the publications that are missing. */
async function settle(world: World, violations: string[]): Promise<number[]> {
  const deadline = performance.now() + SETTLE_MS;
  let missing: number[] = [];
  let looked = -1;
  for (;;) {
    const why = await whyUnsettled(world);
    const bytes = await bytesRecorded(world.dataDir);
    const late = performance.now() > deadline;
    if (late || (why === undefined && bytes !== looked)) {
      looked = bytes;
      missing = await missingFromBronze(world);
    }
    if (why === undefined && missing.length === 0) return [];
    if (late) {
      if (why) violations.push(`${SETTLE_MS / 60_000} minutes after the last fault: ${why}`);
      for (const n of missing.slice(0, 10)) {
        const { kind, topic, payload, file } = world.messages.at(n);
        violations.push(
          `publication ${n} (${kind}) on ${topic} was acknowledged and is not in ${file ?? 'rejected'}: ${payload}`,
        );
      }
      return missing;
    }
    await sleep(LOOK_EVERY_MS);
  }
}

async function whyUnsettled(world: World): Promise<string | undefined> {
  const ready = await readyOf(world);
  if (ready === undefined) return 'the collector does not answer';
  if (!ready.broker.connected || !ready.database.connected)
    return `the collector is not connected: ${JSON.stringify(ready)}`;
  if (ready.pending_bytes > 0) return `the collector has not loaded ${ready.pending_bytes} bytes`;
  const ledger = await world.postgres.withClient(client =>
    client.query<{ path: string; bytes: string }>('SELECT path, bytes FROM bronze.raw_file'),
  );
  const loaded = new Map(ledger.rows.map(({ path, bytes }) => [path, Number(bytes)]));
  for (const [name, size] of await sizes(join(world.dataDir, 'raw'))) {
    if (loaded.get(name) !== size)
      return `${name} has ${size} bytes, and ${loaded.get(name) ?? 0} are loaded`;
  }
  return undefined;
}

async function sizes(folder: string): Promise<[string, number][]> {
  const sizes: [string, number][] = [];
  for (const name of await textsIn(folder)) sizes.push([name, await textLength(join(folder, name))]);
  return sizes;
}

async function bytesRecorded(dataDir: string): Promise<number> {
  const all = await Promise.all(['raw', 'rejected'].map(folder => sizes(join(dataDir, folder))));
  return all.flat().reduce((sum, [, size]) => sum + size, 0);
}

/** A payload that was published twice, and acknowledged twice, must be there twice. */
async function missingFromBronze(world: World): Promise<number[]> {
  const { publisher, messages, dataDir } = world;
  const bronze = new Bronze(dataDir, messages, publisher.sent);
  await bronze.read();
  const left = bronze.counts;
  const missing: number[] = [];
  for (let n = 0; n < publisher.sent; n++) {
    if (!publisher.isAcknowledged(n)) continue;
    const { original } = messages.at(n);
    if (left[original] === 0) missing.push(n);
    else left[original] = left[original]! - 1;
  }
  return missing;
}

/**
 * Holds what is stored of messages without a time of their own against what was published: as often as that, and no less
 * than was acknowledged. What is stored once more too often is the broker's doing where it was restarted in between, sent
 * again under another packet identifier, as NATS does, or used an identifier for two messages at once, as Mosquitto 2.0 does when
 * more than 65,535 wait: nothing tells such a message from another one then.
 */
function judgeEnvelopes(
  world: World,
  { counts, arrivals, packetIds }: Bronze,
  stored: ReadonlyMap<number, number>,
) {
  const published = publications(world, counts.length);
  const violations: string[] = [];
  let missing = 0;
  let doubled = 0;
  let doubledByBroker = 0;
  const users = usersOfIdentifiers(packetIds);
  for (const [n, times] of arrivals) {
    const surplus = (stored.get(n) ?? 0) - published[n]!;
    // Of what came, as many as were published at most; repeats that the broker sent count once.
    if ((stored.get(n) ?? 0) < Math.min(times.length, published[n]!)) {
      missing++;
      violations.push(
        `publication ${n} came ${times.length} times and is stored ${stored.get(n) ?? 0} times`,
      );
    }
    if (surplus <= 0) continue;
    const [first, last] = [Math.min(...times) / 1000, Math.max(...times) / 1000];
    const restarted = world.broker.starts.some(start => start > first && start < last);
    const renumbered = packetIds.get(n)!.size > published[n]!;
    const others = [...packetIds.get(n)!].flatMap(id => users.get(id)!.filter(other => other !== n));
    const reused = others.some(other =>
      arrivals.get(other)!.some(ms => ms / 1000 > first && ms / 1000 < last),
    );
    if (restarted || renumbered || reused) doubledByBroker += surplus;
    else {
      doubled += surplus;
      violations.push(
        `publication ${n} is stored ${surplus} times too often, and the broker was not restarted`,
      );
    }
  }
  for (const n of stored.keys())
    if (!arrivals.has(n)) violations.push(`silver has publication ${n}, and no line says so`);
  return { violations, missing, doubled, doubledByBroker };
}

/** Which publications came under each packet identifier. */
function usersOfIdentifiers(packetIds: Bronze['packetIds']): Map<number | undefined, number[]> {
  const users = new Map<number | undefined, number[]>();
  for (const [n, ids] of packetIds) for (const id of ids) users.set(id, [...(users.get(id) ?? []), n]);
  return users;
}

/** How often each payload was published. */
function publications({ publisher, messages }: World, length: number): Uint16Array {
  const published = new Uint16Array(length);
  for (let n = 0; n < publisher.sent; n++) {
    const { original } = messages.at(n);
    published[original] = published[original]! + 1;
  }
  return published;
}

function redeliveries(world: World, { counts }: Bronze): number {
  const published = publications(world, counts.length);
  return counts.reduce((sum, count, n) => sum + Math.max(0, count - published[n]!), 0);
}

/** Refreshes what is stale, and compares every mean with silver. */
async function differencesOfGold(client: pg.Client): Promise<string[]> {
  await prepareRefresh(client);
  // The collector may be refreshing at this very moment.
  await until('gold is refreshed', async () => (await refreshStaleMinutes(client)) !== undefined, {
    ms: SETTLE_MS,
    everyMs: 500,
  });
  const stale = await client.query('SELECT FROM sluice.stale_minute');
  const { rows } = await client.query<{ sensor_id: string; bucket: string }>(
    `WITH recomputed AS (
       SELECT date_trunc('minute', time, 'UTC') AS bucket, sensor_id, avg(value ORDER BY time) AS val_mean,
         min(value) AS val_min, max(value) AS val_max, count(*) AS n
       FROM silver.sensor_reading WHERE quality = 'valid' GROUP BY 1, 2
     ), kept AS (
       SELECT bucket, sensor_id, val_mean, val_min, val_max, n FROM gold.reading_1min_mean
     )
     SELECT DISTINCT sensor_id, bucket::text FROM (
       (TABLE recomputed EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE recomputed)
     ) d ORDER BY 2, 1`,
  );
  return [
    ...(stale.rowCount ? [`${stale.rowCount} marks in sluice.stale_minute after a refresh`] : []),
    ...rows.map(({ sensor_id, bucket }) => `gold differs from its recomputation: ${sensor_id} at ${bucket}`),
  ];
}

/** The collector lives, and ends as it should when it is asked to. */
async function judgeEnd({ collector }: World, violations: string[]): Promise<void> {
  if (!collector.isRunning) {
    violations.push('the collector does not run at the end');
    return;
  }
  const { status, signal } = await collector.stop();
  if (status !== 0) violations.push(`at the end the collector ended with ${signal ?? `status ${status}`}`);
}
