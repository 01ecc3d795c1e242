import { type MessagePort, workerData } from 'node:worker_threads';
import jsonata from 'jsonata';

/** What `JsonataWorker` hands over: where to answer, and what to set when an answer is there. */
const { port, answered } = workerData as { port: MessagePort; answered: Int32Array };

port.on('message', ({ expression, json, topic }: { expression: string; json: unknown; topic: string }) => {
  void answer(expression, json, topic);
});
say({ ready: true });

async function answer(expression: string, json: unknown, topic: string): Promise<void> {
  try {
    // Plain JSON: what jsonata makes may have functions in it, which no message can carry.
    const result: unknown = await jsonata(expression).evaluate(json, { topic });
    say({ result: JSON.stringify(result ?? []) });
  } catch {
    say({ failed: true });
  }
}

function say(message: unknown): void {
  port.postMessage(message);
  Atomics.store(answered, 0, 1);
  Atomics.notify(answered, 0);
}
