import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';

/** A message's expression may take this long. */
const MOST_MS = 200;
/** A thread may take this long to start, also on a busy machine. */
const START_MS = 10_000;

/** What an expression came to. */
export type Evaluated = { result: unknown } | 'too slow' | 'failed';

/**
 * Evaluates expressions in a thread of its own, while the caller waits: an expression that does not end (a regular expression
 * can take years) is ended with its thread, and the next one gets a new thread.
 */
export class JsonataThread {
  #worker: Worker | undefined;
  #port: MessagePort | undefined;
  #answered = new Int32Array(new SharedArrayBuffer(4));

  /** Waits for at most 200 ms. Not for a thread that others wait for. */
  evaluate(expression: string, json: unknown, topic: string): Evaluated {
    this.#start();
    Atomics.store(this.#answered, 0, 0);
    this.#port!.postMessage({ expression, json, topic });
    const answer = this.#wait(MOST_MS) as { result?: string } | undefined;
    if (answer === undefined) {
      this.close();
      return 'too slow';
    }
    return answer.result === undefined ? 'failed' : { result: JSON.parse(answer.result) };
  }

  #start(): void {
    if (this.#worker !== undefined) return;
    const { port1, port2 } = new MessageChannel();
    this.#answered = new Int32Array(new SharedArrayBuffer(4));
    this.#worker = new Worker(new URL('./formats/jsonata-worker.ts', import.meta.url), {
      workerData: { port: port2, answered: this.#answered },
      transferList: [port2],
    });
    this.#port = port1;
    // It must not keep a process alive that has nothing else to do.
    this.#worker.unref();
    port1.unref();
    if (this.#wait(START_MS) === undefined) this.close();
  }

  /** The next answer; undefined: none came in time. */
  #wait(ms: number): unknown {
    if (Atomics.wait(this.#answered, 0, 0, ms) === 'timed-out') return undefined;
    return receiveMessageOnPort(this.#port!)?.message;
  }

  /** Ends the thread; the next expression begins another. */
  close(): void {
    void this.#worker?.terminate();
    this.#port?.close();
    this.#worker = undefined;
    this.#port = undefined;
  }
}
