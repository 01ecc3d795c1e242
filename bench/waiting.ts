import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 600_000;

/**
 * Asks until a fact holds.
 * @param fact what to ask; undefined or false: not yet.
 * @param everyMs time between two questions.
 * @throws where it takes ten minutes, or when the benchmark is stopped.
 */
export async function until<T>(
  what: string,
  fact: () => Promise<T | undefined | false>,
  everyMs: number,
  signal: AbortSignal,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    signal.throwIfAborted();
    const answer = await fact();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${PATIENCE_MS / 1000} s for: ${what}`);
    await sleep(everyMs, undefined, { signal });
  }
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise(resolve => probe.close(resolve));
  return port;
}
