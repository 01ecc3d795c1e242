import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { Backoff } from '../../../base/backoff.ts';
import type { Config } from '../../../base/config.ts';
import { errorText } from '../../../base/errors.ts';
import { everyMinute, type Schedule } from '../../../base/schedule.ts';
import { dueDay } from './due.ts';
import { type LoaderState, Loading } from './loading.ts';
import type { MailingData } from './mail-thread.ts';
import { findChromium } from './pdf.ts';
import type { Mailed, MailPlan } from './report-mail.ts';

/** Of each minute; ten seconds after reports are written. */
const SECOND = 45;
const [FIRST_WAIT_MS, MOST_WAIT_MS] = [60_000, 30 * 60_000];

type MailSettings = Pick<
  Config,
  | 'DATABASE_URL'
  | 'REPORT_AT'
  | 'REPORT_EMAIL'
  | 'REPORT_BY'
  | 'REPORT_DIR'
  | 'CHROMIUM'
  | 'SMTP_URL'
  | 'SMTP_FROM'
>;

/**
 * Mails the report of each day at REPORT_AT, in a thread of its own. What is not mailed, as the collector did not run or the
 * mail server was away, is tried again, up to a week later. What was mailed is in the database: sluice.mailed_report.
 */
export class ReportMailing {
  readonly #config: MailSettings;
  readonly #log: Logger;
  readonly #loading: Loading;
  readonly #backoff = new Backoff(FIRST_WAIT_MS, MOST_WAIT_MS);
  #schedule: Schedule | undefined;
  #worker: Worker | undefined;
  #checking: Promise<void> | undefined;
  #doneDay: string | undefined;
  #notBefore = 0;
  #told = '';
  #stopped = false;
  /** Why something that is due was not mailed, for a person; undefined: nothing is. */
  trouble: string | undefined;
  /** Since the start. */
  readonly counts = { mailed: 0, failures: 0 };

  constructor(config: MailSettings, log: Logger, loader: () => LoaderState) {
    this.#config = config;
    this.#log = log;
    this.#loading = new Loading(loader);
  }

  start(): void {
    const { REPORT_EMAIL: to, REPORT_BY: by } = this.#config;
    if (to !== undefined || by !== undefined) this.#schedule = everyMinute(SECOND, () => this.check());
  }

  /** Mails what is due. Never rejects. @param now the clock. */
  check(now = new Date()): Promise<void> {
    this.#checking ??= this.#check(now).finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  /** Ends the schedule, and gives up what is being sent: it is sent again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#schedule?.stop();
    await this.#worker?.terminate();
    await this.#checking;
  }

  async #check(now: Date): Promise<void> {
    const lastDay = dueDay(this.#config.REPORT_AT, now);
    if (lastDay === undefined || lastDay === this.#doneDay || now.getTime() < this.#notBefore) return;
    if (this.#loading.mustWait()) return;
    const failures: string[] = [];
    try {
      const data = { databaseUrl: this.#config.DATABASE_URL, lastDay, plan: this.#plan() };
      await this.#run(data, mailed => this.#note(mailed, failures));
    } catch (error) {
      failures.push(errorText(error));
    }
    if (this.#stopped) return;
    if (failures.length === 0) {
      this.#doneDay = lastDay;
      this.#loading.done();
      this.#backoff.reset();
      this.trouble = undefined;
      this.#told = '';
    } else this.#noteFailures(failures, now);
  }

  #noteFailures(failures: readonly string[], now: Date): void {
    this.counts.failures++;
    const wait = this.#backoff.next();
    this.#notBefore = now.getTime() + wait;
    const reason = failures.join('; ');
    this.trouble = `reports that are due were not mailed: ${reason}`;
    // The same reason each time would drown the log.
    this.#log[reason === this.#told ? 'debug' : 'error'](
      { reason, wait_ms: Math.round(wait) },
      'cannot mail the report; it is tried again',
    );
    this.#told = reason;
  }

  #note({ day, report, to, failure, warning }: Mailed, failures: string[]): void {
    const what = report === '' ? {} : { report };
    if (failure !== undefined) {
      failures.push(`${day}${report === '' ? '' : `, ${report}`}: ${failure}`);
      return;
    }
    this.counts.mailed++;
    this.#log.info({ day, ...what, to }, 'mailed the report of the day');
    if (warning !== undefined)
      this.#log.warn({ day, ...what, reason: warning }, 'the report of the day was mailed all the same');
  }

  #plan(): MailPlan {
    const { REPORT_EMAIL, REPORT_BY: by, REPORT_DIR: folder, SMTP_URL, SMTP_FROM, CHROMIUM } = this.#config;
    // The settings are checked for these two where there is a mail to be sent.
    const [server, from] = [SMTP_URL!, SMTP_FROM!];
    return { server, from, to: REPORT_EMAIL ?? [], by, folder, chromium: findChromium(CHROMIUM) };
  }

  #run(workerData: MailingData, note: (mailed: Mailed) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./mail-thread.ts', import.meta.url), { workerData });
      this.#worker = worker;
      worker.on('message', note);
      worker.on('error', reject);
      worker.on('exit', code => {
        this.#worker = undefined;
        if (code === 0) resolve();
        else reject(new Error('the thread that mails reports was stopped'));
      });
    });
  }
}
