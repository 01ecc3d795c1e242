import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { Config } from '../../../base/config.ts';
import { errorText } from '../../../base/errors.ts';
import { everyMinute, type Schedule } from '../../../base/schedule.ts';
import { OVER_MS } from './due.ts';
import { type LoaderState, Loading } from './loading.ts';
import type { NightlyData } from './nightly-thread.ts';
import { dayBefore } from './text.ts';

/** Of each minute, when the refresh at its second 5 is over. What is missing is found soon after a start, and tried again. */
const SECOND = 35;
/**
 * Writes the report of the day before into REPORT_DIR every night, as `<date>.html`, in a thread of its own: neither its
 * work nor its failure touches recording. A report that is there is left alone; one that is missing is made up.
 */
export class NightlyReport {
  readonly #config: Pick<Config, 'DATABASE_URL' | 'REPORT_DIR'>;
  readonly #log: Logger;
  readonly #loading: Loading;
  #schedule: Schedule | undefined;
  #worker: Worker | undefined;
  #checking: Promise<void> | undefined;
  #told = '';
  #stopped = false;

  constructor(config: Pick<Config, 'DATABASE_URL' | 'REPORT_DIR'>, log: Logger, loader: () => LoaderState) {
    this.#config = config;
    this.#log = log;
    this.#loading = new Loading(loader);
  }

  start(): void {
    if (this.#config.REPORT_DIR === undefined) return;
    this.#schedule = everyMinute(SECOND, () => this.check());
  }

  /** Writes the report that is due, if it is missing. Never rejects. @param now the clock. */
  check(now = new Date()): Promise<void> {
    this.#checking ??= this.#check(now).finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  /** Ends the schedule, and gives up a report that is being made. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#schedule?.stop();
    await this.#worker?.terminate();
    await this.#checking;
  }

  async #check(now: Date): Promise<void> {
    const date = dayBefore(new Date(now.getTime() - OVER_MS));
    const file = join(this.#config.REPORT_DIR!, `${date}.html`);
    try {
      if ((await exists(file)) || this.#loading.mustWait()) return;
      await this.#run({ databaseUrl: this.#config.DATABASE_URL, date, file });
      this.#log.info({ file }, 'wrote the report of the day');
      this.#loading.done();
      this.#told = '';
    } catch (error) {
      if (this.#stopped) return;
      const reason = errorText(error);
      // The same reason each minute would drown the log.
      this.#log[reason === this.#told ? 'debug' : 'error'](
        { file, reason },
        'cannot write the report of the day',
      );
      this.#told = reason;
    }
  }

  #run(workerData: NightlyData): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./nightly-thread.ts', import.meta.url), { workerData });
      this.#worker = worker;
      worker.on('error', reject);
      worker.on('exit', code => {
        this.#worker = undefined;
        if (code === 0) resolve();
        else reject(new Error('the thread of the report was stopped'));
      });
    });
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
