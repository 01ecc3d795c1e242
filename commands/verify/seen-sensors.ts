import type { ClientBase } from 'pg';
import type { Difference } from './difference.ts';

/**
 * Where silver.seen_sensor disagrees with the sensors of `audit_partition` and `audit_rest`, which silver and gold have.
 * @param sensor the only one that is asked for. @param isWhole whether these are all sensors of all days that ever were.
 */
export async function seenDifferences(
  client: ClientBase,
  { sensor, isWhole }: { sensor: string | undefined; isWhole: boolean },
): Promise<Difference[]> {
  const { rows } = await client.query<{ what: string }>(
    `WITH present AS (
       SELECT sensor_id FROM audit_partition UNION SELECT sensor_id FROM audit_rest
     ), differing AS (
       SELECT sensor_id, 'silver.sensor_reading has readings of ' || sensor_id || ', and silver.seen_sensor does not know it' AS what
       FROM present p
       WHERE NOT EXISTS (SELECT FROM silver.seen_sensor s WHERE s.sensor_id = p.sensor_id)
         AND EXISTS (SELECT FROM silver.sensor_reading r WHERE r.sensor_id = p.sensor_id)
       UNION ALL
       SELECT sensor_id, 'silver.seen_sensor knows ' || sensor_id || ', and silver.sensor_reading has no reading of it'
       FROM silver.seen_sensor s
       WHERE $2::boolean AND NOT EXISTS (SELECT FROM present p WHERE p.sensor_id = s.sensor_id)
         AND NOT EXISTS (SELECT FROM silver.sensor_reading r WHERE r.sensor_id = s.sensor_id)
       UNION ALL
       SELECT sensor_id, 'silver.seen_sensor says that the first reading of ' || sensor_id || ' was stored at ' || seen_at
         || ', which is to come'
       FROM silver.seen_sensor WHERE seen_at > clock_timestamp()
     )
     SELECT what FROM differing WHERE $1::text IS NULL OR sensor_id = $1 ORDER BY sensor_id, what`,
    [sensor ?? null, isWhole],
  );
  return rows.map(({ what }) => ({ kind: 'seen_sensor', what }));
}
