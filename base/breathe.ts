import { setImmediate as turn } from 'node:timers/promises';

/** How long a piece of work may have the thread to itself. */
const LONGEST_MS = 10;
const BATCH = 64;

/**
 * Goes over items that take long together, and lets others have the thread now and then: a large request holds up nobody.
 * What is done with each is to be short.
 */
export async function* breathing<T>(items: Iterable<T>): AsyncGenerator<T[]> {
  let since = performance.now();
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    const isTime = performance.now() - since >= LONGEST_MS;
    // Handed on in batches: to await each item would cost more than most of them do.
    if (batch.length < BATCH && !isTime) continue;
    yield batch;
    batch = [];
    if (!isTime) continue;
    await turn();
    since = performance.now();
  }
  yield batch;
}
