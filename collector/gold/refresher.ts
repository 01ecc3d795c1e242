import type pg from 'pg';
import type { Logger } from 'pino';
import { errorText } from '../../base/errors.ts';
import { Feed } from '../../base/feed.ts';
import { everyMinute, type Schedule } from '../../base/schedule.ts';
import { connect, sever } from '../../db/connect.ts';
import { isLacking } from '../../db/lacking.ts';
import { prepareRefresh, refreshStaleMinutes } from './refresh.ts';
import { secondsSinceRefresh } from './refresh-lock.ts';

/** Of each minute: by then the minute that has just ended is loaded, with the default BATCH_MS. */
const SECOND = 5;
/** A step of a refresh that takes longer hangs. */
const DEADLINE_MS = 300_000;
/** Gold that is older than this is late. */
const LATE_MS = 180_000;

/** What a refresh did, once it is committed. */
export interface Refreshed {
  /** Recomputed, one for each sensor. */
  minutes: number;
  seconds: number;
}

/** Refreshes gold, and the flags of silver that go with it, every 60 seconds, on a connection of its own. */
export class Refresher {
  readonly #databaseUrl: string;
  readonly #log: Logger;
  #schedule: Schedule | undefined;
  #client: pg.Client | undefined;
  #running: Promise<void> | undefined;
  #reported = '';
  #freshAt = performance.now();
  #isLate = false;
  #hasRefreshed = false;
  /** Each refresh of this collector. */
  readonly refreshes: Feed<Refreshed>;

  constructor(databaseUrl: string, log: Logger) {
    this.#databaseUrl = databaseUrl;
    this.#log = log;
    this.refreshes = new Feed(error => log.error({ err: error }, 'a follower of the refresh failed'));
  }

  start(): void {
    this.#schedule = everyMinute(SECOND, () => this.refresh());
  }

  /** Seconds since gold was last as of its minute. */
  get lagSeconds(): number {
    return (performance.now() - this.#freshAt) / 1000;
  }

  /** Why gold is late, for a person; undefined while it is not. */
  get lateness(): string | undefined {
    if (this.lagSeconds * 1000 <= LATE_MS) return undefined;
    const why = this.#reported === '' ? '' : `: ${this.#reported}`;
    return `gold was last refreshed ${Math.round(this.lagSeconds)} s ago; it should be each minute${why}`;
  }

  /** Refreshes now; joins a refresh that is under way. Never rejects: the loader reports a database that is away. */
  refresh(): Promise<void> {
    this.#running ??= this.#refresh().finally(() => {
      this.#running = undefined;
      this.#warn();
    });
    return this.#running;
  }

  /** Ends the schedule, refreshes what the last loads have touched, for at most `ms`, and disconnects. */
  async stop(ms: number): Promise<void> {
    this.#schedule?.stop();
    const timer = setTimeout(() => this.#sever(), ms);
    await this.#running;
    await this.refresh();
    clearTimeout(timer);
    await this.#client?.end().catch(() => undefined);
  }

  async #refresh(): Promise<void> {
    const deadline = setTimeout(() => this.#sever(), DEADLINE_MS);
    try {
      this.#client ??= await this.#connect();
      const began = performance.now();
      const minutes = await refreshStaleMinutes(this.#client, { stepped: () => deadline.refresh() });
      const ms = performance.now() - began;
      if (minutes === undefined) return await this.#wait(this.#client);
      if (minutes > 0) this.#log.debug({ minutes, ms: Math.round(ms) }, 'refreshed stale minutes');
      this.#freshAt = performance.now();
      this.#hasRefreshed = true;
      this.#reported = '';
      this.refreshes.publish({ minutes, seconds: ms / 1000 });
    } catch (error) {
      // The loader reports a database that is away, and migrates one at the start, which may take a while; that it refuses
      // to refresh is ours to report.
      const isRefusal =
        /^[0-9A-Z]{5}$/.test(String((error as { code?: unknown }).code)) &&
        (this.#hasRefreshed || !isLacking(error));
      this.#report(
        isRefusal ? 'error' : 'debug',
        errorText(error),
        'cannot refresh; the minutes stay stale until it works',
      );
      this.#sever();
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Another connection refreshes: mostly that of another collector, and gold is as fresh for us. */
  async #wait(client: pg.Client): Promise<void> {
    const age = (await secondsSinceRefresh(client)) * 1000;
    if (age < LATE_MS) this.#freshAt = Math.max(this.#freshAt, performance.now() - age);
    else this.#report('warn', 'another connection holds the lock of the refresh', 'the refresh waits');
  }

  /** Once for each reason: the same one each minute would drown the log. */
  #report(level: 'error' | 'warn' | 'debug', reason: string, message: string): void {
    this.#log[reason === this.#reported ? 'debug' : level]({ reason }, message);
    this.#reported = reason;
  }

  /** When gold begins to be late, and when it is no longer. */
  #warn(): void {
    const { lateness } = this;
    if (lateness !== undefined && !this.#isLate) this.#log.warn(lateness);
    if (lateness === undefined && this.#isLate) this.#log.info('gold is refreshed each minute again');
    this.#isLate = lateness !== undefined;
  }

  async #connect(): Promise<pg.Client> {
    const client = await connect(this.#databaseUrl, 'sluice refresh', () => this.#sever());
    this.#client = client;
    await prepareRefresh(client);
    return client;
  }

  #sever(): void {
    if (this.#client !== undefined) sever(this.#client);
    this.#client = undefined;
  }
}
