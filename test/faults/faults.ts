import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../harness/eventually.ts';
import { reloadsIn } from './reloaded-files.ts';
import type { Fault, FaultKind } from './schedule.ts';
import { readyOf, type World } from './world.ts';

/**
 * Does something to the world, and mends it before it resolves.
 * @param signal the run ends: do not wait any longer.
 * @returns false where it had nothing to work on.
 */
type Injection = (world: World, fault: Fault, signal: AbortSignal) => Promise<boolean>;

/** The collector's process of node needs about thirty for itself. */
const FEW_DESCRIPTORS = 64;
/** Of reloads, this share finds files with mistakes. */
const SPOILT = 1 / 3;
/** A collector is starting for about this long, ms. */
const START_MS = 1200;
const COMMIT_MS = 15_000;
/** Who takes a folder over waits until its holder has been silent for 8 s, and starts. */
const TAKEOVER_MS = 60_000;
/** A collector that has lost its folder stops within two heartbeats, and gives up what it was at. */
const THAW_MS = 60_000;
/** Within a day no reading is rejected for its time: what is, is decided again later than a run may last. */
const MOST_WRONG_MS = 20 * 3_600_000;
/** A clock that stands still is set back this often. */
const FROZEN_STEP_MS = 100;

export const injections: Record<FaultKind, Injection> = {
  'SIGKILL of the collector': async ({ collector }) => {
    await collector.kill();
    collector.start();
    return true;
  },
  'SIGKILL of a collector that starts': async ({ collector }, { dice }, signal) => {
    await collector.kill();
    collector.start();
    await pause(dice * START_MS, signal);
    await collector.kill();
    collector.start();
    return true;
  },
  'SIGKILL of the collector, torn tail': async (world, { dice }) => {
    await world.collector.kill();
    const torn = await tearTail(world, dice);
    world.collector.start();
    return torn;
  },
  'SIGSTOP and SIGCONT of the collector': async ({ collector }, { holdMs }, signal) => {
    collector.signal('SIGSTOP');
    await pause(holdMs, signal);
    collector.signal('SIGCONT');
    return true;
  },
  'SIGTERM of the collector': async world => {
    const { collector } = world;
    if (!(await isAnswering(world))) return false;
    const { status, signal } = await collector.stop();
    if (status !== 0)
      world.violations.push(`after SIGTERM the collector ended with ${signal ?? `status ${status}`}`);
    collector.start();
    return true;
  },
  'few file descriptors': async ({ collector }, { holdMs }, signal) => {
    await collector.kill();
    collector.start(FEW_DESCRIPTORS);
    await pause(holdMs, signal);
    return true;
  },

  'reload of the collector': async (world, { dice }) => {
    const { collector, files, logFile } = world;
    if (!(await isAnswering(world))) return false;
    await (dice < SPOILT ? files.spoil() : files.change());
    const before = await reloadsIn(logFile);
    collector.signal('SIGHUP');
    await until(
      'the collector has reloaded',
      async () => !collector.isRunning || (await reloadsIn(logFile)) > before,
    );
    // The next start is to find files that it can use.
    if (dice < SPOILT) await files.change();
    return true;
  },

  'thawed holder': async (world, { holdMs }, signal) => {
    const { collector } = world;
    if (!(await isAnswering(world))) return false;
    collector.signal('SIGSTOP');
    await using successor = await world.successor();
    successor.process.start();
    const took = await until(
      'another collector has taken the folder',
      async () => !successor.process.isRunning || (await readyOf(successor)) !== undefined,
      { ms: TAKEOVER_MS },
    ).then(() => successor.process.isRunning);
    await pause(holdMs, signal);
    if (took) {
      collector.signal('SIGCONT');
      const { status, signal: by } = await collector.end(THAW_MS);
      if (status !== 1)
        world.violations.push(
          `a holder that lost its folder ended with ${by ?? `status ${status}`}, not with 1`,
        );
    } else await collector.kill();
    await successor.process.kill();
    collector.start();
    return took;
  },

  'restart of the broker': async ({ broker }) => {
    await broker.stop();
    await broker.start();
    return true;
  },
  'broker hangs': ({ brokerProxy }, { holdMs }, signal) => during(holdMs, signal, brokerProxy, 'hang'),
  'broker connection reset': async ({ brokerProxy }) => {
    const there = brokerProxy.connections > 0;
    brokerProxy.reset();
    return there;
  },
  'broker connection half-open': ({ brokerProxy }, { holdMs }, signal) =>
    during(holdMs, signal, brokerProxy, 'drop'),

  'SIGKILL of PostgreSQL': async ({ postgres }) => {
    await postgres.kill();
    await postgres.restart();
    return true;
  },
  'loader terminated': ({ postgres }) => postgres.terminateLoader(),
  'database read-only': async ({ postgres }, { holdMs }, signal) => {
    await postgres.setReadOnly(true);
    await pause(holdMs, signal);
    await postgres.setReadOnly(false);
    return true;
  },
  'database hangs': ({ databaseProxy }, { holdMs }, signal) => during(holdMs, signal, databaseProxy, 'hang'),
  'database connection reset': async ({ databaseProxy }) => {
    const there = databaseProxy.connections > 0;
    databaseProxy.reset();
    return there;
  },
  'database refuses': ({ databaseProxy }, { holdMs }, signal) =>
    during(holdMs, signal, databaseProxy, 'refuse'),
  'database connection half-open': ({ databaseProxy }, { holdMs }, signal) =>
    during(holdMs, signal, databaseProxy, 'drop'),
  'answer to COMMIT lost': ({ databaseProxy }, _, signal) =>
    databaseProxy.loseNextCommitAnswer(AbortSignal.any([signal, AbortSignal.timeout(COMMIT_MS)])),

  'clock set ahead': async ({ clock }, { holdMs, dice }, signal) => {
    await clock!.set(dice * MOST_WRONG_MS);
    await pause(holdMs, signal);
    await clock!.set(0);
    return true;
  },
  'clock set behind': async ({ clock }, { holdMs, dice }, signal) => {
    await clock!.set(-dice * MOST_WRONG_MS);
    await pause(holdMs, signal);
    await clock!.set(0);
    return true;
  },
  'clock frozen': async ({ clock }, { holdMs }, signal) => {
    const began = performance.now();
    for (let passed = 0; passed < holdMs && !signal.aborted; passed = performance.now() - began) {
      await clock!.set(-passed);
      await pause(FROZEN_STEP_MS, signal);
    }
    await clock!.set(0);
    return true;
  },

  'full disk': async (world, { holdMs }, signal) => {
    world.diskIsFull = true;
    await world.disk!.fill();
    await pause(holdMs, signal);
    await world.disk!.free();
    // A start that has failed on the full disk may not have ended yet.
    await pause(START_MS, signal);
    world.diskIsFull = false;
    return true;
  },
};

/** Waits until a collector that starts takes signals: before, they just end it. @returns false where it ends meanwhile. */
async function isAnswering(world: World): Promise<boolean> {
  const { collector } = world;
  if (!collector.isRunning) return false;
  await until(
    'the collector answers',
    async () => !collector.isRunning || (await readyOf(world)) !== undefined,
  );
  return collector.isRunning;
}

async function during(
  ms: number,
  signal: AbortSignal,
  proxy: World['brokerProxy'],
  how: 'hang' | 'drop' | 'refuse',
): Promise<boolean> {
  const there = proxy.connections > 0;
  proxy[how]();
  await pause(ms, signal);
  proxy.forward();
  return there;
}

/** Leaves half a line at the end of a file, as a crash in the middle of a write does. */
async function tearTail({ dataDir, messages }: World, dice: number): Promise<boolean> {
  const raw = join(dataDir, 'raw');
  const files = (await readdir(raw).catch(() => [])).filter(name => name.endsWith('.jsonl')).sort();
  const file = files[Math.floor(dice * files.length)];
  if (file === undefined) return false;
  const { payload } = messages.at(Math.floor(dice * 1000));
  const half = payload.subarray(0, 1 + Math.floor(dice * (payload.length - 1)));
  // A disk that is full has no room for it.
  return appendFile(join(raw, file), half).then(
    () => true,
    () => false,
  );
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
