import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { Backoff } from '../../../base/backoff.ts';
import { errorText } from '../../../base/errors.ts';
import type { LakeData } from './lake-thread.ts';
import type { LakeWritten } from './lake-writing.ts';

/** How often it is looked whether the archive has what the lake has not. */
const LOOK_MS = 10 * 60_000;
/** After the archiver's first look. */
const AFTER_START_MS = 120_000;
const FIRST_WAIT_MS = 30_000;
/** How long a stop waits for what is on its way. */
const STOP_MS = 5000;

/**
 * Writes for the lake what has come into the archive, one run after the other, each in a thread of its own: decoding takes more
 * of the processor than anything else that is not recording or loading.
 */
export class LakeJob {
  readonly #data: LakeData;
  readonly #log: Logger;
  readonly #backoff = new Backoff(FIRST_WAIT_MS, LOOK_MS);
  #timer: NodeJS.Timeout | undefined;
  #worker: Worker | undefined;
  #running: Promise<void> | undefined;
  #isStopping = false;
  /** Why the last run did not write everything; undefined: it did. */
  failure: string | undefined;

  constructor(data: LakeData, log: Logger) {
    this.#data = data;
    this.#log = log;
  }

  start(): void {
    this.#runIn(AFTER_START_MS);
  }

  /** Writes what waits; joins a run that is under way. Never rejects: what went wrong is logged and tried again. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Ends what is under way; the next start goes on with it. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    const worker = this.#worker;
    const timer = setTimeout(() => void worker?.terminate(), STOP_MS);
    worker?.postMessage('stop');
    await this.#running;
    clearTimeout(timer);
  }

  /** A reason for Health; undefined while all is well. */
  get reason(): string | undefined {
    return this.failure && `the lake does not have all of the archive: ${this.failure}`;
  }

  #runIn(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#isStopping) this.#timer = setTimeout(() => void this.run(), ms).unref();
  }

  async #run(): Promise<void> {
    try {
      const { files, readings, days, refused } = await this.#inThread();
      if (files > 0 || days.length > 0)
        this.#log.debug({ files, readings, days }, 'wrote what the lake lacked');
      if (refused.length > 0) throw new Error(refused.join('; '));
      if (this.failure !== undefined) this.#log.info('the lake has all of the archive');
      this.failure = undefined;
      this.#backoff.reset();
      this.#runIn(LOOK_MS);
    } catch (error) {
      if (!this.#isStopping) this.#failed(errorText(error));
    }
  }

  async #inThread(): Promise<LakeWritten> {
    const worker = new Worker(new URL('./lake-thread.ts', import.meta.url), { workerData: this.#data });
    this.#worker = worker;
    let written: LakeWritten | undefined;
    worker.on('message', (message: LakeWritten) => {
      written = message;
    });
    // Rejects where the thread fails.
    await once(worker, 'exit');
    this.#worker = undefined;
    if (written === undefined) throw new Error('the thread of the lake was stopped');
    return written;
  }

  #failed(reason: string): void {
    this.#runIn(this.#backoff.next());
    // The same reason again and again would drown the log.
    this.#log[reason === this.failure ? 'debug' : 'warn'](
      { reason },
      'the lake does not have all of the archive; it is tried again',
    );
    this.failure = reason;
  }
}
