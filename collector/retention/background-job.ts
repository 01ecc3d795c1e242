import type pg from 'pg';
import { connect, sever } from '../../db/connect.ts';

export interface BackgroundJobOptions {
  databaseUrl: string;
  /** Name that pg_stat_activity shows. */
  application: string;
  /** Does the work, on a connection of its own. */
  work(client: pg.Client): Promise<void>;
  /**
   * What went wrong; not told of while it stops.
   * @param isConnected whether the database was there until then.
   */
  failed(error: unknown, isConnected: boolean): void;
}

/** Work that is done now and then beside recording: one run at a time, each on a connection that lives as long as it does. */
export class BackgroundJob {
  readonly #options: BackgroundJobOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #client: pg.Client | undefined;
  #running: Promise<void> | undefined;

  constructor(options: BackgroundJobOptions) {
    this.#options = options;
  }

  /** Aborted when it stops. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Runs now; joins a run that is under way. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Runs after so many ms, in place of what was said before. */
  runIn(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.signal.aborted) this.#timer = setTimeout(() => void this.run(), ms).unref();
  }

  /** Ends what is under way; the next start goes on with it. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the collector stops'));
    clearTimeout(this.#timer);
    this.#sever();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { databaseUrl, application, work, failed } = this.#options;
    try {
      const client = await connect(databaseUrl, application, () => this.#sever());
      this.#client = client;
      this.signal.throwIfAborted();
      await work(client);
      await client.end();
    } catch (error) {
      if (!this.signal.aborted) failed(error, this.#client !== undefined);
      this.#sever();
    }
    this.#client = undefined;
  }

  #sever(): void {
    if (this.#client !== undefined) sever(this.#client);
    this.#client = undefined;
  }
}
