import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../harness/eventually.ts';
import type { BrokerKind } from './broker.ts';
import { injections } from './faults.ts';
import { type Judgement, judge } from './oracle.ts';
import { type Fault, type FaultKind, faultKinds, faultsOf, kindsOf, type Track, tracks } from './schedule.ts';
import { readyOf, startWorld, type World } from './world.ts';

/** A run of this length has to prove something. */
const TELLING_SECONDS = 180;
/** A run of this length deals every deck at least once, also on a slow machine, so that every kind of fault must have come. */
const COMPLETE_SECONDS = 300;
/** What a fault breaks, a connection say, may not be there at that moment: it takes a while to be made again. */
const MOST_TRIES = 5;
const BETWEEN_TRIES_MS = 2000;
const PROGRESS_MS = 10_000;
const FLUSH_MS = 5 * 60_000;

export interface ScenarioOptions {
  /** Where everything is kept; empty at the beginning. */
  folder: string;
  seed: number;
  seconds: number;
  /** Publications a second. */
  rate: number;
  sensors: number;
  broker?: BrokerKind;
  /** Records in a folder that ignores case. */
  ignoresCase?: boolean;
  /** Sets the collector's clock meanwhile. */
  setsClock?: boolean;
  /** Freezes the collector, lets another take its folder, and thaws it. */
  thaws?: boolean;
  /** RAW_PARTITION. */
  partition?: 'sensor' | 'hour';
  /** The faults go on until the collector has been killed this often, if that takes longer than `seconds`. */
  leastKills?: number;
  print: (line: string) => void;
  /** Ends the run early; nothing is judged then. */
  signal: AbortSignal;
}

export interface Outcome extends Judgement {
  seed: number;
  /** How long faults were injected and messages published. */
  seconds: number;
  faults: Map<FaultKind, number>;
  kills: number;
}

/**
 * Publishes at a rate, breaks things, mends them, and judges what is left. Everything is started and ended here.
 * @throws what the signal says when it ends the run; errors of the harness itself.
 */
export async function runScenario(options: ScenarioOptions): Promise<Outcome> {
  await using world = await startWorld(options);
  if (options.ignoresCase) options.print('full disk: skipped, as the folder that ignores case has no size');
  else if (!world.disk) options.print('full disk: skipped, as this user may not mount a small one');
  world.collector.start();
  // Before the first subscription there is no session that could keep anything.
  const subscribed = async () => (await readyOf(world))?.broker.connected === true;
  await until('the collector has subscribed', subscribed);
  world.publisher.start();
  try {
    const outcome = await new Scenario(world, options).run();
    if (outcome.violations.length > 0) await keepData(world, options.folder);
    return outcome;
  } catch (error) {
    if (!options.signal.aborted) await keepData(world, options.folder);
    throw error;
  }
}

/** The small disk goes with the world; what is on it is wanted for the search. */
async function keepData({ disk, collector }: World, folder: string): Promise<void> {
  await collector.kill();
  if (disk) await cp(disk.path, join(folder, 'data'), { recursive: true });
}

/** The kinds that end with a SIGKILL of a collector. */
const killing = faultKinds.filter(
  kind => (kind.startsWith('SIGKILL of') && kind.includes('collector')) || kind === 'few file descriptors',
);

class Scenario {
  readonly #world: World;
  readonly #options: ScenarioOptions;
  readonly #faults = new Map<FaultKind, number>(faultKinds.map(kind => [kind, 0]));
  /** Faults that could not be injected. */
  readonly #failed = new Set<FaultKind>();
  readonly #began = performance.now();
  readonly #over = new AbortController();

  constructor(world: World, options: ScenarioOptions) {
    this.#world = world;
    this.#options = options;
  }

  async run(): Promise<Outcome> {
    const { signal, print } = this.#options;
    const progress = setInterval(() => print(this.#progress()), PROGRESS_MS);
    try {
      const over = AbortSignal.any([signal, this.#over.signal]);
      await Promise.all([this.#clock(over), ...tracks.map(track => this.#runTrack(track, over))]);
      signal.throwIfAborted();
      const seconds = this.#seconds();
      print(`${this.#progress()}; the faults are over, waiting until everything is where it belongs`);
      await this.#flush();
      const judgement = await judge(this.#world);
      const violations = [
        ...judgement.violations,
        ...(seconds < TELLING_SECONDS ? [] : this.#unseen(judgement, seconds >= COMPLETE_SECONDS)),
      ];
      return {
        ...judgement,
        violations,
        seed: this.#options.seed,
        seconds,
        faults: this.#faults,
        kills: this.#kills(),
      };
    } finally {
      clearInterval(progress);
      this.#over.abort();
    }
  }

  async #clock(over: AbortSignal): Promise<void> {
    const { seconds, leastKills = 0 } = this.#options;
    while (!over.aborted && (this.#seconds() < seconds || this.#kills() < leastKills)) {
      await sleep(100, undefined, { signal: over }).catch(() => undefined);
    }
    this.#over.abort();
  }

  /** What this run deals. */
  #kindsOf(track: Track): FaultKind[] {
    const { disk, clock } = this.#world;
    if (track === 'disk' && disk === undefined) return [];
    if (track === 'clock' && clock === undefined) return [];
    return kindsOf(track).filter(kind => kind !== 'thawed holder' || this.#options.thaws);
  }

  /** Faults of one track follow each other; those of different tracks overlap. */
  async #runTrack(track: Track, over: AbortSignal): Promise<void> {
    const kinds = this.#kindsOf(track);
    if (kinds.length === 0) return;
    for (const fault of faultsOf(this.#options.seed, track, kinds)) {
      await sleep(fault.gapMs, undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) return;
      await this.#inject(fault, over);
    }
  }

  async #inject(fault: Fault, over: AbortSignal): Promise<void> {
    try {
      for (let tries = 0; tries < MOST_TRIES && !over.aborted; tries++) {
        if (await injections[fault.kind](this.#world, fault, over)) {
          this.#faults.set(fault.kind, this.#faults.get(fault.kind)! + 1);
          return;
        }
        await sleep(BETWEEN_TRIES_MS, undefined, { signal: over }).catch(() => undefined);
      }
      if (!over.aborted) this.#failed.add(fault.kind);
    } catch (error) {
      this.#over.abort();
      throw new Error(`${fault.kind}: ${(error as Error).message}`, { cause: error });
    }
  }

  async #flush(): Promise<void> {
    const { publisher } = this.#world;
    const late = sleep(FLUSH_MS, 'late', { ref: false });
    if ((await Promise.race([publisher.finish(), late])) === 'late') {
      throw new Error(
        `the broker has acknowledged only ${publisher.acknowledged} of ${publisher.sent} publications`,
      );
    }
  }

  /** What a run that proves something has seen. */
  #unseen({ redelivered, restartsWithPending, nights }: Judgement, isComplete: boolean): string[] {
    const due = isComplete ? tracks.flatMap(track => this.#kindsOf(track)) : [...this.#failed];
    const unseen = due.filter(kind => this.#faults.get(kind) === 0);
    return [
      ...unseen.map(kind => `never injected: ${kind}`),
      ...(redelivered > 0 ? [] : ['the broker never sent anything again: the run has proved little']),
      ...(nights > 0 ? [] : ['no raw file was compressed']),
      ...(restartsWithPending > 0
        ? []
        : ['no collector began with something left to load: the run has proved little']),
    ];
  }

  #seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  #kills(): number {
    const twice = this.#faults.get('SIGKILL of a collector that starts')!;
    return killing.reduce((sum, kind) => sum + this.#faults.get(kind)!, twice);
  }

  #progress(): string {
    const { publisher } = this.#world;
    const faults = [...this.#faults.values()].reduce((sum, count) => sum + count, 0);
    return `${this.#seconds().toFixed(0).padStart(4)} s: sent ${publisher.sent}, acknowledged ${publisher.acknowledged}, ${faults} faults, ${this.#kills()} times SIGKILL of the collector`;
  }
}
