import { vi } from 'vitest';

/**
 * Asks again and again until `fact` stops throwing, and resolves to what it returns. Expectations go inside.
 * @throws the last error when that takes longer than `ms`.
 */
export function eventually<T>(fact: () => T | Promise<T>, ms = 20_000): Promise<T> {
  return vi.waitFor(fact, { timeout: ms, interval: 25 });
}
