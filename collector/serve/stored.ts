import { setTimeout as sleep } from 'node:timers/promises';
import { formatTime } from '../../base/time.ts';
import type { Reading } from '../payload/reading.ts';
import type { UntilStored } from '../source/http/exchange.ts';
import type { Reads } from './reads.ts';

/** Between two looks; a batch is loaded at the latest BATCH_MS after it was recorded. */
const FIRST_LOOK_MS = 25;
const LONGEST_WAIT_MS = 250;

/** One that neither silver has nor anybody has refused: it is still to be loaded. */
const MISSING = `
  SELECT FROM unnest($1::text[], $2::timestamptz[]) AS posted(sensor_id, time)
  WHERE NOT EXISTS (SELECT FROM silver.sensor_reading r WHERE r.sensor_id = posted.sensor_id AND r.time = posted.time)
    AND NOT EXISTS (SELECT FROM silver.rejected_line l WHERE l.sensor_id = posted.sensor_id AND l.time = posted.time)
  LIMIT 1`;

/**
 * Waits until recorded readings are loaded, by asking the database for their keys: what a reader asks next, it has then.
 * @param isConnected whether the loader has a database at present; where not, nobody waits.
 */
export function untilStored(reads: Reads, isConnected: () => boolean): UntilStored {
  return async (readings, ms) => {
    const deadline = performance.now() + ms;
    const keys = [
      readings.map(({ sensorId }: Reading) => sensorId),
      readings.map(({ time }: Reading) => formatTime(time)),
    ];
    for (let wait = FIRST_LOOK_MS; isConnected(); wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      if (performance.now() + wait > deadline) return false;
      await sleep(wait);
      const missing = await within(
        reads.query('missing', MISSING, keys).catch(() => undefined),
        deadline - performance.now(),
      );
      if (missing?.length === 0) return true;
    }
    return false;
  };
}

/** undefined where the answer takes longer: a database that hangs must not hold up who has recorded. */
async function within<T>(answer: Promise<T>, ms: number): Promise<T | undefined> {
  const timeout = new AbortController();
  const expired = sleep(Math.max(0, ms), undefined, { signal: timeout.signal }).catch(() => undefined);
  const first = await Promise.race([answer, expired]);
  timeout.abort();
  return first;
}
