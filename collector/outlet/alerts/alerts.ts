import { statfs } from 'node:fs/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { errorText } from '../../../base/errors.ts';
import { connect, sever } from '../../../db/connect.ts';
import { isLacking } from '../../../db/lacking.ts';
import type { Alert, Observation } from './alert.ts';
import type { AlertsFile } from './alerts-file.ts';
import type { RuleEntry } from './alerts-schema.ts';
import { DatabaseStore } from './database-store.ts';
import { FileStore } from './file-store.ts';
import { type PipelineView, pipelineRuleKinds } from './pipeline-rules.ts';
import { AlertRounds } from './round.ts';
import { isAboutSensors, observe } from './sensor-rules.ts';

/** How often the pipeline is looked at. */
const PIPELINE_MS = 10_000;
/** A collector that evaluates says so with each round; after this long without one another may. */
const LEASE = '3 minutes';
/** What takes longer hangs. */
const DEADLINE_MS = 60_000;
/** With more than this to load, a sensor that seems silent may only wait. In seconds. */
const BEHIND_S = 30;

export interface AlertsOptions {
  file: AlertsFile;
  databaseUrl: string;
  dataDir: string;
  collector: string;
  /** Seconds that the oldest of what is not loaded has waited. */
  loadingLag: () => number;
  /** The pipeline, but for the disk, which is looked at here. */
  view: () => Omit<PipelineView, 'freeShare'>;
  log: Logger;
}

/**
 * Evaluates the rules of ALERTS_FILE and tells receivers: those about sensors after each refresh, by SQL over gold, with
 * their state in gold.alert; those about the pipeline every 10 s, with their state in the data folder.
 */
export class Alerts {
  readonly #options: AlertsOptions;
  readonly #files: FileStore;
  readonly #sensorRules: readonly RuleEntry[];
  readonly #pipelineRules: readonly RuleEntry[];
  readonly #sensorRounds: AlertRounds;
  readonly #pipelineRounds: AlertRounds;
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #evaluating: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  #reported = '';
  #isStopped = false;

  constructor(options: AlertsOptions) {
    const { file, dataDir, log } = options;
    this.#options = options;
    this.#files = new FileStore(dataDir);
    this.#sensorRules = file.rules.filter(isAboutSensors);
    this.#pipelineRules = file.rules.filter(rule => !isAboutSensors(rule));
    this.#sensorRounds = new AlertRounds(file.receivers, log);
    this.#pipelineRounds = new AlertRounds(file.receivers, log);
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), PIPELINE_MS);
    void this.look();
  }

  /** Alerts about the pipeline: those that are not over, and those of the last day. */
  get ofPipeline(): readonly Alert[] {
    return this.#files.recent;
  }

  /** Why somebody is not told, for a person; undefined where all are. */
  get trouble(): string | undefined {
    const failing = new Map([...this.#sensorRounds.failing, ...this.#pipelineRounds.failing]);
    if (failing.size === 0) return undefined;
    return [...failing]
      .map(([name, reason]) => `the receiver of alerts ${name} cannot be told: ${reason}`)
      .join('; ');
  }

  /** Evaluates the rules about sensors; joins an evaluation that is under way. Never rejects. */
  evaluate(): Promise<void> {
    if (this.#isStopped || this.#sensorRules.length === 0) return Promise.resolve();
    this.#evaluating ??= this.#evaluate().finally(() => {
      this.#evaluating = undefined;
    });
    return this.#evaluating;
  }

  /** Looks at the pipeline; joins a look that is under way. Never rejects. */
  look(): Promise<void> {
    if (this.#pipelineRules.length === 0) return Promise.resolve();
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async stop(): Promise<void> {
    // The last refresh comes after it.
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#looking;
    await this.#evaluating;
    await this.#client?.end().catch(() => undefined);
  }

  async #evaluate(): Promise<void> {
    const deadline = setTimeout(() => this.#sever(), DEADLINE_MS);
    try {
      const client = await this.#connected();
      if (!(await this.#hold(client))) return;
      const store = new DatabaseStore(
        client,
        this.#options.file.receivers.map(({ name }) => name),
      );
      const before = await store.load();
      const seen = new Map<RuleEntry, readonly Observation[] | undefined>();
      for (const rule of this.#sensorRules) seen.set(rule, await this.#observe(client, rule, before));
      const { rows } = await client.query<{ now: Date }>('SELECT now() AS now');
      clearTimeout(deadline);
      await this.#sensorRounds.run(store, seen, rows[0]!.now.getTime());
      this.#reported = '';
    } catch (error) {
      this.#report(error);
      this.#sever();
    } finally {
      clearTimeout(deadline);
    }
  }

  async #observe(
    client: pg.Client,
    rule: RuleEntry,
    before: readonly Alert[],
  ): Promise<Observation[] | undefined> {
    // What is recorded and not loaded yet is not silence.
    if (rule.when === 'silent' && this.#options.loadingLag() > BEHIND_S) return undefined;
    const active = before.filter(alert => alert.rule === rule.name && alert.resolvedAt === undefined);
    return observe(
      client,
      rule,
      active.map(({ subject }) => subject),
    );
  }

  async #look(): Promise<void> {
    try {
      const view = { ...this.#options.view(), freeShare: await freeShareOf(this.#options.dataDir) };
      const seen = new Map<RuleEntry, readonly Observation[]>();
      for (const rule of this.#pipelineRules) {
        const observed = pipelineRuleKinds
          .find(({ name }) => name === rule.when)!
          .observe(view, rule as never);
        seen.set(
          rule,
          observed.map(observation => ({ ...observation, group: '' })),
        );
      }
      await this.#pipelineRounds.run(this.#files, seen, Date.now());
    } catch (error) {
      this.#report(error);
    }
  }

  /**
   * Whether this collector is the one that evaluates: of several on one database one does. A time in which none did is taken
   * out of the alerts, as `afterAbsence` does.
   */
  async #hold(client: pg.Client): Promise<boolean> {
    const { rowCount } = await client.query(
      `WITH held AS (
         UPDATE sluice.alerting a SET holder = $1, held_until = now() + INTERVAL '${LEASE}' FROM sluice.alerting before
         WHERE a.holder = $1 OR a.held_until IS NULL OR a.held_until < now()
         RETURNING before.held_until < now() AS was_absent, now() - before.held_until + INTERVAL '${LEASE}' AS absence
       ), moved AS (
         UPDATE gold.alert SET since = CASE WHEN fired_at IS NULL THEN since + absence ELSE since END,
           clear_since = clear_since + absence
         FROM held WHERE was_absent AND resolved_at IS NULL AND (fired_at IS NULL OR clear_since IS NOT NULL)
       )
       SELECT FROM held`,
      [this.#options.collector],
    );
    return rowCount === 1;
  }

  /** Once for each reason. The loader migrates a database, and reports one that is away. */
  #report(error: unknown): void {
    const reason = errorText(error);
    const isNews = reason !== this.#reported && !isLacking(error);
    this.#options.log[isNews ? 'warn' : 'debug']({ reason }, 'alerts cannot be evaluated; it is tried again');
    this.#reported = reason;
  }

  async #connected(): Promise<pg.Client> {
    this.#client ??= await connect(this.#options.databaseUrl, 'sluice alerts', () => this.#sever());
    return this.#client;
  }

  #sever(): void {
    if (this.#client !== undefined) sever(this.#client);
    this.#client = undefined;
  }
}

function freeShareOf(folder: string): Promise<number | undefined> {
  return statfs(folder).then(
    ({ bavail, blocks }) => (blocks === 0 ? undefined : bavail / blocks),
    () => undefined,
  );
}
