import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../base/config.ts';
import { connectionBudget } from '../base/descriptors.ts';
import { Health } from '../base/health.ts';
import { Access } from '../base/http/access.ts';
import { type Changes, Reload } from '../base/reload.ts';
import { startAlerts } from './alerting.ts';
import { ClockCorrection } from './bronze/clock-correction.ts';
import { ClockWatch } from './bronze/clock-watch.ts';
import { DataFolder } from './bronze/data-folder.ts';
import type { Recorder } from './bronze/recorder.ts';
import { readConfiguredFiles } from './configured-files.ts';
import { Refresher } from './gold/refresher.ts';
import { startNights } from './nights.ts';
import { startObserving } from './observation.ts';
import type { AlertsFile } from './outlet/alerts/alerts-file.ts';
import { Outlets } from './outlet/outlets.ts';
import type { OutletEntry } from './outlet/outlets-schema.ts';
import type { ReportMailing } from './outlet/report/mailing.ts';
import { Feedback } from './payload/feedback.ts';
import { FileMemory } from './payload/memory.ts';
import type { Topics } from './payload/topics.ts';
import { type PipelineParts, startLoader, startRecorder } from './pipeline.ts';
import { reloadableRegistry, reloadableSettings, reloadableTokens, reloadableTopics } from './reloadable.ts';
import type { Archiver } from './retention/archive/archiver.ts';
import type { NightlyVerify } from './retention/nightly-verify.ts';
import { LiveJudge } from './serve/live-judge.ts';
import { keepJudgeInformed } from './serve/live-queries.ts';
import { LiveStream } from './serve/live-stream.ts';
import { Reads } from './serve/reads.ts';
import { HttpServer } from './serve/server.ts';
import { type CollectorStatus, nothingYet, type Progress } from './serve/status.ts';
import { Throttle } from './serve/throttle.ts';
import { Tracing } from './serve/tracing.ts';
import type { Loader } from './silver/loader.ts';
import { Intake } from './source/http/intake.ts';
import { openSource } from './source/open-source.ts';
import type { Source } from './source/source.ts';

/** How long a stop may load what is pending. What is left then is loaded by the next start. */
const DRAIN_MS = 10_000;
const SUMMARY_MS = 60_000;

/** What the HTTP server tells of, and takes readings for. */
interface Served {
  recorder: Recorder;
  loader: Loader;
  refresher: Refresher;
  source: Source;
  clock: ClockWatch;
  outlets: Outlets | undefined;
  archiver: Archiver | undefined;
  mailing: ReportMailing;
  tracing: Tracing | undefined;
  verification: NightlyVerify;
  access: Access;
  stream: LiveStream;
  judge: LiveJudge;
  collector: string;
  alertsFile: AlertsFile | undefined;
}

/**
 * The daemon: source → bronze → silver → gold. Sinks start before sources and stop after them, so at no time does a
 * message come in that has nowhere to go.
 */
export class Collector {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #folder: DataFolder | undefined;
  readonly #reread: () => Config;
  readonly #reload: Reload;
  readonly #feedback = new Feedback();
  readonly #health = new Health();
  readonly #undo = new AsyncDisposableStack();
  readonly #failing = Promise.withResolvers<Error>();
  #starting: Promise<string> | undefined;
  #stopping: Promise<void> | undefined;
  #status: CollectorStatus | undefined;

  /**
   * @param folder the data folder, where the caller has its lock already and gives it back.
   * @param reread the settings as they are when a reload asks for them.
   */
  constructor(config: Config, log: Logger, folder?: DataFolder, reread = () => config) {
    this.#config = config;
    this.#log = log;
    this.#folder = folder;
    this.#reread = reread;
    this.#reload = new Reload(log);
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

  /**
   * Reads topics file, registry file, tokens and LOG_LEVEL again, and goes by them from now on: all of it, or nothing where
   * anything is wrong. Recording goes on meanwhile. What has changed, or is wrong, is logged.
   * @throws {ReloadRefusedError} with every mistake.
   */
  reload(): Promise<Changes> {
    return this.#reload.run();
  }

  /** Acknowledges what is recorded, loads what is pending (for at most 10 s), and stops everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#undo.disposeAsync();
    return this.#stopping;
  }

  /** What the collector has done since it began. */
  get progress(): Progress {
    return this.#status?.progress ?? nothingYet;
  }

  async #start(): Promise<string> {
    const config = this.#config;
    const memory = new FileMemory(join(config.DATA_DIR, 'formats.jsonl'));
    const files = await readConfiguredFiles(config, memory, this.#feedback);
    const { sensors, topics, outlets: entries, alerts: alertsFile } = files;
    const access = new Access(files.tokens);

    const folder = this.#folder ?? (await this.#lockFolder());
    const tracing = await Tracing.open(config, this.#log);
    this.#undo.defer(() => tracing?.stop());
    const parts = { config, folder, topics, log: this.#log, undo: this.#undo };
    const { recorder, clock } = await this.#startRecorder(parts);
    const outlets = this.#startOutlets(folder, topics, entries);
    const loader = startLoader(parts, recorder, sensors);
    const refresher = this.#startRefresher(loader);
    loader.batches.follow(({ files }) => outlets?.loaded(files));
    refresher.refreshes.follow(() => outlets?.refreshed());
    const { collector } = folder;
    const nights = startNights({ ...parts, collector, recorder, loader, clock, health: this.#health });
    const source = openSource(config, topics.filters, recorder, this.#log);
    this.#feedback.publishBy((topic, payload) => source.publish(topic, payload));
    const judge = new LiveJudge(config.LATE_MINUTES);
    const stream = new LiveStream(topics, judge);
    // First what may still fail: the broker may refuse topics.
    const reload = this.#reload;
    const followers = { recorder, loader, source, stream, outlets };
    reload.add('topics', reloadableTopics(config, topics, memory, this.#feedback, followers));
    reload.add('sensors', reloadableRegistry(config, sensors, loader));
    reload.add('tokens', reloadableTokens(config, access, stream));
    reload.add('settings', reloadableSettings(config, this.#log, this.#reread));
    const address = await this.#startServer({
      recorder,
      loader,
      refresher,
      source,
      clock,
      outlets,
      ...nights,
      tracing,
      access,
      stream,
      judge,
      collector,
      alertsFile,
    });

    source.start();
    this.#undo.defer(() => source.stop());
    const summary = setInterval(() => this.#log.info(this.progress, 'progress'), SUMMARY_MS);
    this.#undo.defer(() => clearInterval(summary));
    return address;
  }

  async #startRecorder(parts: PipelineParts): Promise<{ recorder: Recorder; clock: ClockWatch }> {
    const { DATA_DIR: dataDir } = this.#config;
    void parts.folder.lost.then(this.#failing.resolve);
    const clock = new ClockWatch(dataDir);
    await clock.start();
    const recorder = await startRecorder(parts, clock);
    const correction = new ClockCorrection(clock, dataDir, recorder, parts.topics.plain.decoder, this.#log);
    correction.start();
    this.#undo.defer(() => correction.stop());
    this.#health.watch('clock_wrong', () => clock.suspicion);
    this.#health.watch('clock_unsynchronized', () => clock.unsynchronized);
    return { recorder, clock };
  }

  #startRefresher(loader: Loader): Refresher {
    const refresher = new Refresher(this.#config.DATABASE_URL, this.#log);
    refresher.start();
    this.#undo.defer(() => this.#drain(loader, refresher));
    return refresher;
  }

  #startOutlets(
    { collector }: DataFolder,
    { text: topics }: Topics,
    entries: readonly OutletEntry[],
  ): Outlets | undefined {
    if (entries.length === 0) return undefined;
    const outlets = new Outlets({ config: this.#config, collector, topics, outlets: entries }, this.#log);
    outlets.start();
    this.#undo.defer(() => outlets.stop());
    this.#health.watch('outlet_away', () => outlets.trouble);
    return outlets;
  }

  /** @returns the address of the HTTP server. */
  async #startServer(served: Served): Promise<string> {
    const { recorder, loader, refresher, source, access, stream, judge, alertsFile, collector } = served;
    const [config, log, health, undo] = [this.#config, this.#log, this.#health, this.#undo];
    const pendingBytes = () => loader.status.pendingBytes;
    const intake = new Intake(config, recorder, pendingBytes);
    const reads = new Reads(
      config.DATABASE_URL,
      log,
      new Throttle(() => recorder.underLoad),
      config.SLOW_QUERY_MS,
    );
    undo.defer(keepJudgeInformed(reads, stream, judge));
    const observed = { ...served, config, intake, reads, feedback: this.#feedback, health, log, undo };
    const { metrics, status } = startObserving(observed);
    this.#status = status;
    health.watch('reload_refused', () => this.#reload.refused?.message);
    const loadingLag = () => metrics.loadingLag();
    const alerting = { config, collector, health, recorder, refresher, loadingLag, log };
    const alerts = alertsFile && startAlerts(alertsFile, alerting);
    undo.defer(() => alerts?.stop());
    const http = new HttpServer({
      config,
      log,
      access,
      health,
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
      alerts: () => alerts?.ofPipeline ?? [],
      status: () => status.read(),
      reload: this.#reload,
      tracing: served.tracing,
      maxConnections: connectionBudget(),
    });
    undo.defer(() => http.stop());
    return http.start();
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
