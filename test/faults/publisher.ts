import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Sequence } from './messages.ts';

/** What the publisher's thread is started with. */
export interface PublisherData {
  /** Port of the broker on 127.0.0.1. */
  port: number;
  messages: Sequence;
  /** How many publications may be made at all: `acknowledged` has a byte for each. */
  most: number;
  /** 1 where the broker has sent a PUBACK. */
  acknowledged: Uint8Array;
  /** See `Counter`. */
  counters: Int32Array;
}

/** Places in `counters`. */
export const Counter = { sent: 0, acknowledged: 1, connections: 2 } as const;

/**
 * Publishes the messages of a run with QoS 1, in a thread of its own, and keeps account of what the broker has
 * acknowledged. A connection that breaks is made anew, and what was not acknowledged is sent again, as devices do.
 */
export class Publisher implements AsyncDisposable {
  readonly #data: PublisherData;
  #worker: Worker | undefined;
  #failure: Error | undefined;

  constructor(options: Pick<PublisherData, 'port' | 'messages' | 'most'>) {
    this.#data = {
      ...options,
      acknowledged: new Uint8Array(new SharedArrayBuffer(options.most)),
      counters: new Int32Array(new SharedArrayBuffer(4 * Object.keys(Counter).length)),
    };
  }

  start(): void {
    const worker = new Worker(new URL('./publisher-thread.ts', import.meta.url), { workerData: this.#data });
    worker.on('error', error => {
      this.#failure = error;
    });
    this.#worker = worker;
  }

  /** Publications that were handed to the network at least once: those with a smaller number than this. */
  get sent(): number {
    return Atomics.load(this.#data.counters, Counter.sent);
  }

  get acknowledged(): number {
    return Atomics.load(this.#data.counters, Counter.acknowledged);
  }

  isAcknowledged(n: number): boolean {
    return this.#data.acknowledged[n] === 1;
  }

  /** Begins no further publication, and resolves when the broker has acknowledged all that were begun. */
  async finish(): Promise<void> {
    if (this.#failure) throw this.#failure;
    const finished = once(this.#worker!, 'message');
    this.#worker!.postMessage('finish');
    await finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
  }
}
