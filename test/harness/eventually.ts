import { setTimeout as sleep } from 'node:timers/promises';

/** How long a fact may take to come true: a limit for what hangs, with room for a machine that is busy with much else. */
const PATIENCE_MS = 90_000;

/**
 * Asks again and again until `fact` stops throwing, and resolves to what it returns. Expectations go inside.
 * @throws the last error when that takes longer than `ms`.
 */
export async function eventually<T>(fact: () => T | Promise<T>, ms = PATIENCE_MS): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    try {
      return await fact();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(25);
  }
}

interface Patience {
  ms?: number;
  /** Time between two questions. */
  everyMs?: number;
  /** Ends the waiting, with its reason. */
  signal?: AbortSignal;
}

/**
 * Asks until a fact is there, and resolves to the answer.
 * @param fact undefined or false: not yet. What it throws ends the waiting.
 * @throws {Error} naming the fact, when that takes longer than `ms`.
 */
export async function until<T>(
  what: string,
  fact: () => T | false | undefined | Promise<T | false | undefined>,
  { ms = PATIENCE_MS, everyMs = 50, signal }: Patience = {},
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await fact();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${ms / 1000} s in vain for: ${what}`);
    await sleep(everyMs, undefined, { signal });
  }
}
