import type { ClientBase } from 'pg';
import type { Span } from './spans.ts';

/** Notes, for each outlet that sends means, those of the summarized minutes of a span; they are written by now. */
export async function queueMeans(client: ClientBase, { from, to }: Span): Promise<void> {
  await client.query(
    `INSERT INTO sluice.mean_to_send (outlet, bucket, sensor_id)
     SELECT o.outlet, m.bucket, m.sensor_id
     FROM bronze.outlet o JOIN minute_summary m ON m.bucket >= $1 AND m.bucket < $2 AND m.valid > 0
     WHERE o.sends = 'means' AND o.retired_at IS NULL
     ON CONFLICT (outlet, bucket, sensor_id) DO UPDATE SET version = DEFAULT`,
    [from, to],
  );
}
