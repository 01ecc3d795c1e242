import type { Counters } from '../../collector/silver/counters.ts';
import type { Loader } from '../../collector/silver/loader.ts';

const STEP_MS = 500;
/** A database that is away for longer is not waited for: what is recorded is loaded by the next run. */
const AWAY_MS = 60_000;

/**
 * Waits until everything that is recorded is loaded.
 * @returns what was; undefined where the database stays away, or `signal` says not to wait.
 */
export async function untilLoaded(loader: Loader, signal: AbortSignal): Promise<Counters | undefined> {
  let connectedAt = performance.now();
  while (!(await loader.drain(STEP_MS))) {
    const now = performance.now();
    if (loader.status.database.connected) connectedAt = now;
    if (signal.aborted || now - connectedAt > AWAY_MS) return undefined;
  }
  return signal.aborted ? undefined : loader.status.loaded;
}
