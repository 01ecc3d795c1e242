import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { Health } from '../base/health.ts';
import { Access, readTokens } from '../base/http/access.ts';
import type { Config } from '../base/settings.ts';
import { ClockCorrection } from './bronze/clock-correction.ts';
import { ClockWatch } from './bronze/clock-watch.ts';
import { DataFolder } from './bronze/data-folder.ts';
import { Recorder } from './bronze/recorder.ts';
import { Refresher } from './gold/refresher.ts';
import { NightlyReport } from './outlet/report/nightly.ts';
import { configuredTopics } from './payload/configured-topics.ts';
import { FileMemory } from './payload/memory.ts';
import { Nightly } from './retention/nightly.ts';
import { LiveJudge } from './serve/live-judge.ts';
import { LiveStream } from './serve/live-stream.ts';
import { Metrics } from './serve/metrics.ts';
import { announceMeans, keepJudgeInformed } from './serve/overview.ts';
import { Reads } from './serve/reads.ts';
import { RejectExamples } from './serve/reject-examples.ts';
import { RejectWatch } from './serve/reject-watch.ts';
import { HttpServer } from './serve/server.ts';
import { Throttle } from './serve/throttle.ts';
import type { Status } from './serve/watch.ts';
import { Loader } from './silver/loader.ts';
import { readRegistry } from './silver/registry-file.ts';
import { Intake } from './source/http/intake.ts';
import { openSource } from './source/open-source.ts';
import type { Source } from './source/source.ts';

/** How long a stop may load what is pending. What is left then is loaded by the next start. */
const DRAIN_MS = 10_000;
const SUMMARY_MS = 60_000;
/** How often the share of rejected messages is looked at. */
const REJECTS_MS = 10_000;

/** What the collector has done since it began. */
export interface Progress {
  received: number;
  recorded: number;
  rejected: number;
  stored: number;
  pendingBytes: number;
}

/**
 * The daemon: source → bronze → silver → gold. Sinks start before sources and stop after them, so at no time does a
 * message come in that has nowhere to go.
 */
export class Collector {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #folder: DataFolder | undefined;
  readonly #health = new Health();
  readonly #examples = new RejectExamples();
  readonly #startedAt = new Date().toISOString();
  readonly #undo = new AsyncDisposableStack();
  readonly #failing = Promise.withResolvers<Error>();
  #starting: Promise<string> | undefined;
  #stopping: Promise<void> | undefined;
  #recorder: Recorder | undefined;
  #loader: Loader | undefined;
  #source: Source | undefined;
  #intake: Intake | undefined;

  /** @param folder the data folder, where the caller has its lock already and gives it back. */
  constructor(config: Config, log: Logger, folder?: DataFolder) {
    this.#config = config;
    this.#log = log;
    this.#folder = folder;
  }

  /**
   * Starts everything and begins to record; waits neither for the broker nor for the database.
   * @returns the address of the HTTP server.
   * @throws what is wrong with the data folder, the registry file or the port, after having undone what was started.
   */
  start(): Promise<string> {
    this.#starting ??= this.#start().catch(async error => {
      await this.stop();
      throw error;
    });
    return this.#starting;
  }

  /** Resolves, with the reason, when the collector cannot go on: it is to be stopped. */
  get failed(): Promise<Error> {
    return this.#failing.promise;
  }

  /** Acknowledges what is recorded, loads what is pending (for at most 10 s), and stops everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#undo.disposeAsync();
    return this.#stopping;
  }

  get progress(): Progress {
    const { received = 0, rejected = new Map<string, number>() } = this.#intake?.counts ?? {};
    return {
      received: (this.#source?.counts.received ?? 0) + received,
      recorded: this.#recorder?.counts.recorded ?? 0,
      rejected:
        (this.#recorder?.counts.rejected ?? 0) + [...rejected.values()].reduce((sum, n) => sum + n, 0),
      stored: this.#loader?.status.loaded.stored ?? 0,
      pendingBytes: this.#loader?.status.pendingBytes ?? 0,
    };
  }

  async #start(): Promise<string> {
    const config = this.#config;
    const log = this.#log;
    const sensors = await readRegistry(config.SENSORS_FILE);
    const tokens = await readTokens(config.HTTP_TOKENS_FILE);
    const topics = configuredTopics(config, new FileMemory(join(config.DATA_DIR, 'formats.jsonl')));

    const folder = this.#folder ?? (await this.#lockFolder());
    void folder.lost.then(this.#failing.resolve);
    if (folder.crashed) log.warn('the last collector here did not stop cleanly; checking the raw files');

    const clock = new ClockWatch(config.DATA_DIR);
    const recorder = new Recorder({
      dataDir: config.DATA_DIR,
      topics,
      lateMinutes: config.LATE_MINUTES,
      descriptors: descriptorBudget(),
      folder,
      clock,
      log,
    });
    this.#recorder = recorder;
    await clock.start();
    await recorder.start(folder.crashed);
    folder.repaired();
    this.#undo.defer(async () => {
      await recorder.stop();
      if (!recorder.isWhole) folder.damaged();
    });

    const { decoder } = topics.plain;
    const correction = new ClockCorrection(clock, config.DATA_DIR, recorder, decoder, log);
    correction.start();
    this.#undo.defer(() => correction.stop());
    this.#health.watch('clock_wrong', () => clock.suspicion);

    const { collector } = folder;
    const loader = new Loader({
      config,
      collector,
      writer: { epoch: folder.epoch, token: folder.token },
      topics: topics.text,
      sensors,
      log,
      snapshot: () => recorder.snapshot(),
    });
    this.#loader = loader;
    recorder.groups.follow(({ files }) => loader.durable(files));
    const refresher = new Refresher(config.DATABASE_URL, log);
    loader.start();
    this.#undo.defer(() => loader.stop());
    refresher.start();
    this.#undo.defer(() => this.#drain(loader, refresher));
    const nightly = new NightlyReport(config, log, () => loader.status);
    nightly.start();
    this.#undo.defer(() => nightly.stop());

    const lifecycle = new Nightly({ config, collector, recorder, clock, log });
    lifecycle.start();
    this.#undo.defer(() => lifecycle.stop());

    const source = openSource(config, topics.filters, recorder, log);
    this.#source = source;
    const pendingBytes = () => loader.status.pendingBytes;
    const intake = new Intake(config, recorder, pendingBytes);
    this.#intake = intake;
    const reads = new Reads(config.DATABASE_URL, log, new Throttle(() => recorder.underLoad));
    reads.onAnswered = seconds => metrics.answered(seconds);
    const judge = new LiveJudge(config.LATE_MINUTES);
    const stream = new LiveStream(topics, judge);
    this.#undo.defer(keepJudgeInformed(reads, stream, judge));
    const metrics = new Metrics({
      broker: () => ({ connected: source.status.connected, ...source.counts }),
      http: () => intake.counts,
      recorder: () => ({
        recorded: recorder.counts.recorded,
        pendingBytes: recorder.pendingBytes,
        failing: recorder.failure !== undefined,
      }),
      loader: () => loader.status,
      refreshLag: () => refresher.lagSeconds,
      reasons: () => this.#health.reasons(),
    });
    recorder.groups.follow(({ messages, payloadBytes, seconds, rejected, lines }) => {
      // Each line has its end.
      metrics.recorded({ messages, bytes: payloadBytes + messages, seconds, rejected });
      stream.readings(lines);
      this.#examples.note(lines);
    });
    loader.batches.follow(batch => metrics.stored(batch));
    refresher.refreshes.follow(refreshed => {
      metrics.refreshed(refreshed);
      void announceMeans(reads, stream);
    });
    const http = new HttpServer({
      config,
      log,
      access: new Access(tokens),
      health: this.#watch(metrics, refresher),
      observable: {
        broker: () => source.status,
        database: () => loader.status.database,
        recording: () => recorder.failure,
        pendingBytes,
      },
      intake,
      reads,
      metrics,
      stream,
      status: () => this.#status(metrics),
      maxConnections: connectionBudget(),
    });
    this.#undo.defer(() => http.stop());
    const address = await http.start();

    source.start();
    this.#undo.defer(() => source.stop());

    const summary = setInterval(() => log.info(this.progress, 'progress'), SUMMARY_MS);
    this.#undo.defer(() => clearInterval(summary));
    return address;
  }

  /** What makes the collector degraded, as far as its parts do not say so themselves. */
  #watch(metrics: Metrics, refresher: Refresher): Health {
    const health = this.#health;
    const [source, loader] = [this.#source!, this.#loader!];
    health.watch('broker_away', () => away('the broker', source.status));
    health.watch('broker_grants_less', () => source.warning);
    health.watch('database_away', () => away('the database', loader.status.database));
    health.watch('refresh_late', () => refresher.lateness);
    const rejects = new RejectWatch();
    health.watch('mostly_rejected', () => rejects.reason());
    let quietUntil = 0;
    const timer = setInterval(() => {
      rejects.sample(this.progress);
      const reason = rejects.reason();
      if (reason === undefined || Date.now() < quietUntil) return;
      quietUntil = Date.now() + SUMMARY_MS;
      this.#log.warn({ rejects: metrics.rejects().slice(0, 3) }, reason);
    }, REJECTS_MS);
    this.#undo.defer(() => clearInterval(timer));
    return health;
  }

  async #status(metrics: Metrics): Promise<Status> {
    const { received, recorded, rejected, stored, pendingBytes } = this.progress;
    return {
      at: new Date().toISOString(),
      started_at: this.#startedAt,
      reasons: this.#health.reasons(),
      received,
      recorded,
      rejected,
      stored,
      broker: this.#source!.status,
      database: this.#loader!.status.database,
      recording: { ok: this.#recorder!.failure === undefined, pending_bytes: this.#recorder!.pendingBytes },
      loading: { pending_bytes: pendingBytes, lag_s: metrics.loadingLag() },
      refresh: { lag_s: metrics.refreshLag() },
      rejects: metrics.rejects().map(reject => ({
        ...reject,
        last: (reject.source === 'mqtt' && this.#examples.of(reject.reason)) || null,
      })),
      disk: await diskOf(this.#config.DATA_DIR),
    };
  }

  async #lockFolder(): Promise<DataFolder> {
    const folder = await DataFolder.lock(this.#config.DATA_DIR, this.#config.MQTT_CLIENT_ID);
    this.#undo.defer(() => folder.unlock());
    return folder;
  }

  async #drain(loader: Loader, refresher: Refresher): Promise<void> {
    const drained = loader.status.database.connected && (await loader.drain(DRAIN_MS));
    await refresher.stop(DRAIN_MS / 5);
    if (!drained) this.#log.warn('not everything recorded is loaded; the next start goes on with it');
  }
}

async function diskOf(folder: string): Promise<Status['disk']> {
  return statfs(folder).then(
    ({ bsize, bavail, blocks }) => ({ free_bytes: bsize * bavail, total_bytes: bsize * blocks }),
    () => null,
  );
}

/** A reason for Health; undefined while it is connected. */
function away(what: string, status: { connected: boolean; reason?: string }): string | undefined {
  return status.connected ? undefined : `${what} is away: ${status.reason ?? 'not connected yet'}`;
}

/**
 * Descriptors for raw files: most of what the process may have; the rest is for sockets, the loader and the libraries.
 */
function descriptorBudget(): number {
  return Math.max(16, Math.min(16_384, Math.floor((mostDescriptors() - 64) * 0.8)));
}

/** Connections of the HTTP server: half of that rest. */
function connectionBudget(): number {
  return Math.max(16, Math.min(1024, Math.floor((mostDescriptors() - 64) * 0.1)));
}

/** How many files the process may have open. */
function mostDescriptors(): number {
  const report = process.report.getReport() as {
    userLimits?: { open_files?: { soft?: number | 'unlimited' } };
  };
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}
