import type pg from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { errorText } from '../../base/errors.ts';
import { ObjectStoreError } from '../../base/objects/error.ts';
import { ObjectStore } from '../../base/objects/object-store.ts';
import { onCron, type Schedule } from '../../base/schedule.ts';
import { utcDate } from '../../base/time.ts';
import { declareRetention } from '../../db/retention-policy.ts';
import type { Recorder } from '../bronze/recorder.ts';
import { KeptCopies } from './archive/kept-copies.ts';
import { BackgroundJob } from './background-job.ts';
import { compressRawFiles, type RawFolder } from './raw-compression.ts';
import { isBehind } from './raw-files.ts';
import { removeRawFiles } from './raw-retention.ts';
import { oldestKept, readRecordedDays } from './recorded-days.ts';
import { forgetReadings } from './silver-retention.ts';

/** A night that the collector was not there is made up for so long after its start: first it has more urgent things to do. */
const AFTER_START_MS = 5 * 60_000;
/** After something went wrong, or was not ready yet. */
const AGAIN_MS = 3_600_000;
const DAY_MS = 86_400_000;

export interface NightlyOptions {
  config: Config;
  collector: string;
  recorder: Pick<Recorder, 'exchange' | 'sizes'>;
  log: Logger;
  /** Nothing is removed by a clock that seems wrong. */
  clock?: { readonly suspicion: string | undefined } | undefined;
  /** Called when files may have been compressed. */
  onCompressed?: (() => void) | undefined;
  /** Called when the work of a night is done, or could not be. */
  afterwards?: (() => void) | undefined;
  /** ms since 1970; a parameter so that tests can set the clock. */
  now?: () => number;
}

/** What a night does: compresses raw files, removes raw files and readings that are too old. Each as the settings say. */
export class Nightly {
  readonly #options: NightlyOptions;
  readonly #raw: RawFolder;
  readonly #job: BackgroundJob;
  #schedule: Schedule | undefined;

  constructor(options: NightlyOptions) {
    const { config, collector, recorder, log } = options;
    this.#options = options;
    this.#raw = { dataDir: config.DATA_DIR, collector, recorder, log };
    this.#job = new BackgroundJob({
      databaseUrl: config.DATABASE_URL,
      application: 'sluice nightly',
      work: client => this.#work(client),
      failed: error => {
        log.warn(
          { reason: errorText(error) },
          'the work of the night is not done; it is tried again in an hour',
        );
        this.#job.runIn(AGAIN_MS);
      },
    });
  }

  start(): void {
    this.#schedule = onCron(this.#options.config.NIGHTLY_CRON, () => this.run());
    this.#job.runIn(AFTER_START_MS);
  }

  /** Does the work of a night now; joins one that is under way. Never rejects: what went wrong is logged and tried again. */
  async run(): Promise<void> {
    const { RAW_COMPRESS_AFTER_DAYS, RAW_RETENTION_DAYS, SILVER_RETENTION_DAYS } = this.#options.config;
    if (RAW_COMPRESS_AFTER_DAYS + RAW_RETENTION_DAYS + SILVER_RETENTION_DAYS > 0) await this.#job.run();
    if (!this.#job.signal.aborted) this.#options.afterwards?.();
  }

  /** Ends the schedule and what is under way; the next night goes on with it. */
  async stop(): Promise<void> {
    this.#schedule?.stop();
    await this.#job.stop();
  }

  async #work(client: pg.Client): Promise<void> {
    const { config, log, clock } = this.#options;
    if (clock?.suspicion !== undefined) throw new Error(clock.suspicion);
    const { signal } = this.#job;
    const today = await this.#today(client);
    const before = (days: number) => utcDate((today - days * DAY_MS) * 1000);
    // What is removed need not be compressed before.
    if (config.RAW_RETENTION_DAYS > 0) {
      const kept = await this.#oldestKept(client, today, config.RAW_RETENTION_DAYS);
      if (kept !== undefined) await this.#removeRawFiles(client, utcDate(kept * 1000));
    }
    if (config.RAW_COMPRESS_AFTER_DAYS > 0) {
      const files = await compressRawFiles(client, this.#raw, before(config.RAW_COMPRESS_AFTER_DAYS), signal);
      if (files > 0) log.info({ files }, 'compressed raw files');
    }
    this.#options.onCompressed?.();
    if (config.SILVER_RETENTION_DAYS > 0) await this.#forget(client, today, config.SILVER_RETENTION_DAYS);
  }

  /** Where there is an archive, what is not in it stays; while it is away, everything. */
  async #removeRawFiles(client: pg.Client, before: string): Promise<void> {
    const { config, collector, log } = this.#options;
    const { ARCHIVE_URL: url, DATA_DIR: dataDir } = config;
    const { signal } = this.#job;
    using store = url === undefined ? undefined : await ObjectStore.open(config, url, signal);
    const copies = store && new KeptCopies({ client, store, collector, dataDir, log });
    try {
      const files = await removeRawFiles(client, this.#raw, before, signal, copies);
      if (files > 0) log.info({ files }, 'removed raw files that are older than RAW_RETENTION_DAYS');
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
      log.warn({ reason: error.message }, 'raw files that are too old stay, as the archive is away');
      this.#job.runIn(AGAIN_MS);
    }
  }

  async #forget(client: pg.Client, today: number, days: number): Promise<void> {
    const { collector, recorder, log } = this.#options;
    await declareRetention(client, days, message => log.warn(message));
    const kept = await this.#oldestKept(client, today, days);
    if (kept === undefined) return;
    const before = utcDate(kept * 1000);
    // What is loaded of these days later would not count in gold: so all of it first, when a database is filled anew.
    const behind = await isBehind(client, collector, recorder.sizes(), before);
    const forgotten = behind
      ? undefined
      : await forgetReadings(client, { days, clock: kept + days * DAY_MS }, this.#job.signal);
    if (forgotten === undefined) {
      log.info(
        { before },
        'readings are removed from silver when their days are loaded and refreshed; looking again in an hour',
      );
      this.#job.runIn(AGAIN_MS);
    } else if (forgotten.rows + forgotten.chunks > 0) {
      log.info({ before, ...forgotten }, 'removed readings that are older than SILVER_RETENTION_DAYS');
    }
  }

  /**
   * The oldest UTC day that is kept, in ms. All clocks may be ahead, as those of a machine that began with a wrong time: what
   * was recorded says which days have been. Undefined where nothing was.
   */
  async #oldestKept(client: pg.Client, today: number, days: number): Promise<number | undefined> {
    const kept = oldestKept(await readRecordedDays(client), days);
    return kept === undefined ? undefined : Math.min(today - days * DAY_MS, kept);
  }

  /** The begin of the present UTC day, in ms; by the slower clock, as one that was set ahead must not remove anything. */
  async #today(client: pg.Client): Promise<number> {
    const { rows } = await client.query<{ ms: number }>(
      'SELECT extract(epoch FROM now())::float8 * 1000 AS ms',
    );
    const now = Math.min((this.#options.now ?? Date.now)(), rows[0]!.ms);
    return now - (now % DAY_MS);
  }
}
