import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { Backoff } from '../../base/backoff.ts';
import { Feed } from '../../base/feed.ts';
import type { Durable } from '../bronze/group-writer.ts';
import { addCounters, emptyCounters } from './counters.ts';
import type { FromLoader, LoaderData, LoaderStatus, Reloaded, StoredBatch, ToLoader } from './protocol.ts';

/** What a batch leaves behind is garbage at once; room for more of it would only make the process larger. */
const YOUNG_MB = 6;

export interface LoaderOptions extends LoaderData {
  log: Logger;
  /** Every raw file and up to where it is durable, some at a time. */
  sizes: () => AsyncGenerator<Map<string, number>>;
}

/**
 * The loader, seen from the collector: a worker thread of its own, so that parsing and COPY never hold up recording.
 * When the thread dies it is started again, and reads on from where the ledger says.
 */
export class Loader {
  #options: LoaderOptions;
  readonly #backoff = new Backoff(250, 30_000);
  #worker: Worker | undefined;
  #sizes: AsyncGenerator<Map<string, number>> | undefined;
  #restart: NodeJS.Timeout | undefined;
  #stopped = false;
  /** What threads that have ended had loaded, and what the present one has. */
  readonly #before = emptyCounters();
  #current = emptyCounters();
  /** Bytes that the present thread was told of, and up to which of them its last report goes. */
  #toldBytes = 0;
  #heardBytes = 0;
  #drained = Promise.withResolvers<boolean>();
  /** The batches, each as it is committed. */
  readonly batches: Feed<StoredBatch>;
  #reported: LoaderStatus = {
    database: { connected: false, since: new Date().toISOString(), reason: 'not connected yet' },
    unreadable: { files: 0, first: undefined },
    pendingBytes: 0,
    loaded: emptyCounters(),
  };

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.batches = new Feed(error =>
      options.log.error({ err: error }, 'what follows the loader has failed; loading goes on'),
    );
  }

  /** What is known at this moment: what has become durable since the thread reported is pending. */
  get status(): LoaderStatus {
    const reported = this.#reported;
    return { ...reported, pendingBytes: reported.pendingBytes + this.#toldBytes - this.#heardBytes };
  }

  start(): void {
    const { config, collector, topics, sensors, writer, log } = this.#options;
    const workerData: LoaderData = { config, collector, topics, sensors, writer };
    const worker = new Worker(new URL('./loader-thread.ts', import.meta.url), {
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker = worker;
    // What it will hear of begins with nothing.
    this.#reported = this.status;
    this.#toldBytes = this.#heardBytes = 0;
    worker.on('message', (message: FromLoader) => this.#receive(worker, message));
    worker.on('error', error => log.error({ err: error }, 'the loader thread failed'));
    worker.on('exit', code => {
      if (this.#stopped || this.#worker !== worker) return;
      this.#worker = undefined;
      addCounters(this.#before, this.#current);
      this.#current = emptyCounters();
      this.#reported = {
        ...this.#reported,
        database: { connected: false, since: new Date().toISOString(), reason: 'the loader thread ended' },
      };
      const wait = this.#backoff.next();
      log.error(
        { code, wait_ms: Math.round(wait) },
        'the loader thread ended; it is started again, recording goes on',
      );
      this.#restart = setTimeout(() => this.start(), wait);
    });
  }

  /** Tells the loader what a group has made durable. A thread that is just starting asks for all sizes instead. */
  durable(files: readonly Durable[]): void {
    for (const { bytes } of files) this.#toldBytes += bytes;
    this.#send({ type: 'durable', files });
  }

  /** Goes by another topics file or registry from the next batch on: before any line that is recorded after this call. */
  reload(reloaded: Reloaded): void {
    this.#options = { ...this.#options, ...reloaded };
    this.#send({ type: 'reload', ...reloaded });
  }

  /** Loads what is pending, for at most `ms`. True when nothing is left. */
  async drain(ms: number): Promise<boolean> {
    if (this.#worker === undefined) return false;
    this.#drained = Promise.withResolvers();
    const { promise, resolve } = this.#drained;
    const timer = setTimeout(() => resolve(false), ms);
    this.#send({ type: 'drain' });
    const drained = await promise;
    clearTimeout(timer);
    return drained;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#restart);
    // What it has not committed stays in the raw files; the next start reads on there.
    await this.#worker?.terminate();
  }

  #send(message: ToLoader): void {
    this.#worker?.postMessage(message);
  }

  #receive(worker: Worker, message: FromLoader): void {
    if (message.type === 'sizes') {
      if (message.anew) void this.#sizes?.return(undefined);
      if (message.anew) this.#sizes = this.#options.sizes();
      this.#sizes!.next().then(
        ({ value: page }) => worker.postMessage({ type: 'sizes', page } satisfies ToLoader),
        error => {
          this.#options.log.error({ err: error }, 'cannot list the raw files');
          void worker.terminate();
        },
      );
    } else if (message.type === 'batch') {
      this.batches.publish(message);
    } else if (message.type === 'drained') {
      this.#drained.resolve(true);
    } else if (message.type === 'log') {
      this.#options.log[message.level](message.fields, message.message);
    } else {
      this.#current = message.status.loaded;
      const loaded = { ...this.#before };
      addCounters(loaded, this.#current);
      this.#reported = { ...message.status, loaded };
      this.#heardBytes = message.heardBytes;
      if (message.status.database.connected) this.#backoff.reset();
    }
  }
}
