import { setTimeout as sleep } from 'node:timers/promises';

/** Asks every `everyMs` until a fact is there. @throws when that takes longer than `ms`, naming the fact. */
export async function until(
  what: string,
  fact: () => boolean | Promise<boolean>,
  ms: number,
  everyMs = 50,
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await fact())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms / 1000} s`);
    await sleep(everyMs);
  }
}
