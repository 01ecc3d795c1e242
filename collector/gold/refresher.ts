import cron, { type ScheduledTask } from 'node-cron';
import type pg from 'pg';
import type { Logger } from 'pino';
import { errorText } from '../../base/errors.ts';
import { connect, sever } from '../../db/connect.ts';
import { prepareRefresh, refreshStaleMinutes } from './refresh.ts';

/** Second 5 of each minute: by then the minute that has just ended is loaded, with the default BATCH_MS. */
const SCHEDULE = '5 * * * * *';
/** A step of a refresh that takes longer hangs. */
const DEADLINE_MS = 300_000;

/** Refreshes gold, and the flags of silver that go with it, every 60 seconds, on a connection of its own. */
export class Refresher {
  readonly #databaseUrl: string;
  readonly #log: Logger;
  #task: ScheduledTask | undefined;
  #client: pg.Client | undefined;
  #running: Promise<void> | undefined;
  #told = '';
  /** Called after each refresh that was committed. */
  onRefreshed: (refreshed: { minutes: number; seconds: number }) => void = () => undefined;

  constructor(databaseUrl: string, log: Logger) {
    this.#databaseUrl = databaseUrl;
    this.#log = log;
  }

  start(): void {
    this.#task = cron.schedule(SCHEDULE, () => this.refresh(), { name: 'refresh', noOverlap: true });
  }

  /** Refreshes now; joins a refresh that is under way. Never rejects: the loader tells of a database that is away. */
  refresh(): Promise<void> {
    this.#running ??= this.#refresh().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Ends the schedule, refreshes what the last loads have touched, for at most `ms`, and disconnects. */
  async stop(ms: number): Promise<void> {
    await this.#task?.destroy();
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
      if (minutes) this.#log.debug({ minutes, ms: Math.round(ms) }, 'refreshed stale minutes');
      if (minutes !== undefined) this.onRefreshed({ minutes, seconds: ms / 1000 });
    } catch (error) {
      this.#tell(error);
      this.#sever();
    } finally {
      clearTimeout(deadline);
    }
  }

  /** A database that is away is the loader's to tell of; that it refuses to refresh is said once for each reason. */
  #tell(error: unknown): void {
    const reason = errorText(error);
    const refused = /^[0-9A-Z]{5}$/.test(String((error as { code?: unknown }).code)) && reason !== this.#told;
    this.#log[refused ? 'error' : 'debug'](
      { reason },
      'cannot refresh; the minutes stay stale until it works',
    );
    this.#told = reason;
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
