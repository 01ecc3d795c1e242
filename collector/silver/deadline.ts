import type pg from 'pg';
import { sever } from '../../db/connect.ts';

export interface Deadline {
  /** After this long the connection is severed. */
  ms: number;
  /** After this long `onSlow` is called. */
  slowMs: number;
  onSlow: () => void;
}

/**
 * Runs a task on a connection. When it fails or takes too long, the connection is severed: whatever it was waiting for, it
 * waits no more.
 * @throws the task's error, or that the database has not answered.
 */
export async function withinDeadline<T>(
  client: pg.Client,
  { ms, slowMs, onSlow }: Deadline,
  task: () => Promise<T>,
): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const slow = setTimeout(onSlow, slowMs);
  const timer = setTimeout(() => reject(new Error(`the database has not answered for ${ms / 1000} s`)), ms);
  try {
    return await Promise.race([task(), expired]);
  } catch (error) {
    sever(client);
    throw error;
  } finally {
    clearTimeout(slow);
    clearTimeout(timer);
  }
}
