import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { Backoff } from '../../base/backoff.ts';
import type { FromOutlets, OutletStatus, OutletsData, ToOutlets } from './protocol.ts';

/** What a batch leaves behind is garbage at once. */
const YOUNG_MB = 6;
/** How long a stop waits for what is on its way. */
const STOP_MS = 5000;

/**
 * The outlets, seen from the collector: a thread of their own, so that neither a slow consumer nor the work for it holds up
 * recording or loading. They read what is loaded from the raw files; nothing of it passes through here.
 */
export class Outlets {
  #data: OutletsData;
  readonly #log: Logger;
  readonly #backoff = new Backoff(1000, 30_000);
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #stopped = false;
  /** The thread ends because it has been asked to, and another one begins with what is new. */
  #isReloading = false;
  /** How each outlet is; empty until the thread has begun. */
  status: readonly OutletStatus[] = [];

  constructor(data: OutletsData, log: Logger) {
    this.#data = data;
    this.#log = log;
  }

  start(): void {
    const worker = new Worker(new URL('./outlets-thread.ts', import.meta.url), {
      workerData: this.#data,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker = worker;
    worker.on('message', (message: FromOutlets) => {
      if (message.type === 'log') this.#log[message.level](message.fields, message.message);
      else this.status = message.outlets;
    });
    worker.on('error', error => this.#log.error({ err: error }, 'the thread of the outlets failed'));
    worker.on('exit', () => {
      if (this.#stopped) return;
      this.#worker = undefined;
      if (this.#isReloading) {
        this.#isReloading = false;
        this.start();
        return;
      }
      const since = new Date().toISOString();
      const connection = { connected: false as const, since, reason: 'the thread of the outlets ended' };
      this.status = this.status.map(status => ({ ...status, connection }));
      const wait = this.#backoff.next();
      this.#log.error({ wait_ms: Math.round(wait) }, 'the thread of the outlets ended; it is started again');
      this.#restart = setTimeout(() => this.start(), wait);
    });
  }

  /** Tells them up to which byte raw files are loaded now. */
  loaded(files: readonly (readonly [path: string, bytes: number])[]): void {
    if (files.length > 0) this.#send({ type: 'loaded', files });
  }

  /**
   * Goes by another topics file: a new thread takes up, by the offsets in the database, where the present one ends.
   * @param topics `Topics.text`.
   */
  reload(topics: string): void {
    this.#data = { ...this.#data, topics };
    if (this.#worker === undefined || this.#stopped) return;
    this.#isReloading = true;
    this.#end(this.#worker);
  }

  /** Tells them that there may be new means. */
  refreshed(): void {
    this.#send({ type: 'refreshed' });
  }

  /** Why one of them does not deliver, for a person; undefined where all do. */
  get trouble(): string | undefined {
    const away = this.status.flatMap(({ name, connection }) =>
      connection.connected ? [] : [`the outlet ${name} does not deliver: ${connection.reason}`],
    );
    return away.length === 0 ? undefined : away.join('; ');
  }

  /** Lets what is on its way arrive, for at most 5 s. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#restart);
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = once(worker, 'exit');
    this.#end(worker);
    await ended;
  }

  /** Asks a thread to finish what is on its way; after 5 s it is ended. */
  #end(worker: Worker): void {
    const timer = setTimeout(() => void worker.terminate(), STOP_MS);
    worker.once('exit', () => clearTimeout(timer));
    this.#send({ type: 'stop' });
  }

  #send(message: ToOutlets): void {
    this.#worker?.postMessage(message);
  }
}
