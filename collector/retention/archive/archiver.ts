import type pg from 'pg';
import type { Logger } from 'pino';
import { Backoff } from '../../../base/backoff.ts';
import type { Config } from '../../../base/config.ts';
import { errorText } from '../../../base/errors.ts';
import { ObjectDamagedError, ObjectStoreError } from '../../../base/objects/error.ts';
import { ObjectStore } from '../../../base/objects/object-store.ts';
import { BackgroundJob } from '../background-job.ts';
import { Archiving } from './archiving.ts';
import { ObjectName } from './object-name.ts';

/** How often it is looked whether files wait; those of an hour are compressed within it. */
const LOOK_MS = 10 * 60_000;
/** At the start of a collector other things are more urgent. */
const AFTER_START_MS = 60_000;
/** After the archive was away. */
const FIRST_WAIT_MS = 5000;

export interface ArchiverOptions {
  config: Config;
  /** `s3://bucket/prefix`. */
  url: string;
  collector: string;
  log: Logger;
  /** ms since 1970; a parameter so that tests can set the clock. */
  now?: () => number;
}

/**
 * Copies files to object storage once they are compressed, one run after the other. While the object storage is away they
 * wait, and nothing else does.
 */
export class Archiver {
  readonly #options: ArchiverOptions;
  readonly #job: BackgroundJob;
  readonly #backoff = new Backoff(FIRST_WAIT_MS, LOOK_MS);
  #tidied = false;
  /** Why the last run did not copy everything; undefined: it did. */
  failure: string | undefined;
  /** Since the start, and what waits as of the last look. */
  readonly counts = { files: 0, bytes: 0, failures: 0, waitingFiles: 0 };

  constructor(options: ArchiverOptions) {
    this.#options = options;
    this.#job = new BackgroundJob({
      databaseUrl: options.config.DATABASE_URL,
      application: 'sluice archive',
      work: client => this.#work(client),
      failed: (error, isConnected) => this.#failed(error, isConnected),
    });
  }

  start(): void {
    this.#job.runIn(AFTER_START_MS);
  }

  /** Copies what waits; joins a run that is under way. Never rejects: what went wrong is logged and tried again. */
  run(): Promise<void> {
    return this.#job.run();
  }

  /** Ends what is under way; the next start goes on with it. */
  stop(): Promise<void> {
    return this.#job.stop();
  }

  /** A reason for Health; undefined while all is well. */
  get reason(): string | undefined {
    const { waitingFiles: files } = this.counts;
    return (
      this.failure && `${files} ${files === 1 ? 'file waits' : 'files wait'} for the archive: ${this.failure}`
    );
  }

  async #work(client: pg.Client): Promise<void> {
    const { config, url, log } = this.#options;
    using store = await ObjectStore.open(config, url, this.#job.signal);
    await this.#copy(client, store);
    if (this.failure !== undefined) log.info('the archive has all that waited for it');
    this.failure = undefined;
    this.#backoff.reset();
    this.#job.runIn(LOOK_MS);
  }

  async #copy(client: pg.Client, store: ObjectStore): Promise<void> {
    const { config, collector, log, now = Date.now } = this.#options;
    const { signal } = this.#job;
    const archiving = new Archiving({ client, store, config, collector, log, counts: this.counts, signal });
    const tasks = await archiving.find(now());
    if (tasks.length === 0) return;
    if (!this.#tidied) await this.#tidy(store);
    this.#tidied = true;
    await archiving.run(tasks);
  }

  /** Frees what uploads that a crash has ended hold; where the credentials do not allow it, a rule of the bucket has to. */
  async #tidy(store: ObjectStore): Promise<void> {
    const { collector, log } = this.#options;
    try {
      await store.abortUploads(key => ObjectName.parse(key)?.collector === collector);
    } catch (error) {
      const { code } = error as ObjectStoreError;
      if (code !== 'AccessDenied' && code !== 'NotImplemented') throw error;
      log.warn({ reason: errorText(error) }, 'parts of uploads that never ended cannot be removed');
    }
  }

  #failed(error: unknown, isConnected: boolean): void {
    this.#job.runIn(this.#backoff.next());
    const reason = errorText(error);
    const isOfDatabase = !isConnected || (error as { severity?: string }).severity !== undefined;
    if (isOfDatabase && !(error instanceof ObjectStoreError || error instanceof ObjectDamagedError)) {
      // The loader reports the database; the archive is as it was.
      this.#options.log.debug({ reason }, 'the archive is tried again');
      return;
    }
    this.counts.failures++;
    if (reason !== this.failure) {
      this.#options.log.warn(
        { reason, files: this.counts.waitingFiles },
        'the archive does not have all files; they wait, and it is tried again',
      );
    }
    this.failure = reason;
  }
}
