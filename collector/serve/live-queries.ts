import type { MinuteMean } from '../gold/minute-mean.ts';
import type { Limits, LiveJudge } from './live-judge.ts';
import type { LiveStream } from './live-stream.ts';
import type { Reads } from './reads.ts';

/*
 * What the stream of events gets from the database.
 */

/** A change of the registry is seen in the live stream after this long at the latest. */
const REGISTRY_MS = 30_000;

const RECENT_MEANS = `
  SELECT to_char(bucket, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS bucket, sensor_id, val_mean, val_min, val_max, n::int
  FROM gold.reading_1min_mean WHERE bucket >= date_trunc('minute', now()) - INTERVAL '2 minutes'
  ORDER BY bucket, sensor_id`;

/** After a refresh: sends the means of the last minutes to those who listen. What fails is the next refresh's to send. */
export async function announceMeans(reads: Reads, stream: LiveStream): Promise<void> {
  if (stream.clients === 0) return;
  await reads.query<MinuteMean>('recent_means', RECENT_MEANS).then(
    means => stream.means(means),
    () => undefined,
  );
}

const LIMITS = `
  SELECT sensor_id, min_value AS min, max_value AS max, max_step_per_s AS "maxStepPerS" FROM silver.sensor`;

/** Reads the registry anew while somebody listens. @returns what stops it. */
export function keepJudgeInformed(reads: Reads, stream: LiveStream, judge: LiveJudge): () => void {
  const learn = async () => {
    if (stream.clients === 0) return;
    await reads.query<Limits & { sensor_id: string }>('limits', LIMITS).then(
      rows => judge.learn(new Map(rows.map(({ sensor_id, ...limits }) => [sensor_id, limits]))),
      () => undefined,
    );
  };
  stream.onFirst = () => void learn();
  const timer = setInterval(learn, REGISTRY_MS);
  return () => clearInterval(timer);
}
