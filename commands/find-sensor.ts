import type { ClientBase } from 'pg';
import { UsageError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';

/**
 * A sensor by its id, or else by the name that the registry has for it. It is known when it is registered or has sent a
 * reading.
 */
export async function findSensor(
  client: ClientBase,
  called: string,
): Promise<{ id: string; unit: string | null }> {
  const { rows } = await client.query<{ id: string; unit: string | null; by: 'id' | 'name' }>(
    `SELECT sensor_id AS id, unit, 'id' AS by, 1 AS rank FROM silver.sensor WHERE sensor_id = $1
     UNION ALL SELECT $1, NULL, 'id', 2 WHERE EXISTS (SELECT FROM silver.sensor_reading WHERE sensor_id = $1)
     UNION ALL SELECT sensor_id, unit, 'name', 3 FROM silver.sensor WHERE name = $1
     ORDER BY rank, id`,
    [called],
  );
  const [found, ...others] = rows;
  if (found?.by === 'name' && others.length > 0)
    throw new UsageError(
      `${rows.length} sensors are named ${JSON.stringify(called)}: ${rows.map(({ id }) => id).join(', ')}. Give the id.`,
    );
  if (found !== undefined) return found;
  const all = await client.query<{ sensor_id: string }>(
    'SELECT sensor_id FROM silver.sensor UNION SELECT sensor_id FROM silver.seen_sensor UNION SELECT name FROM silver.sensor WHERE name IS NOT NULL',
  );
  const names = all.rows.map(({ sensor_id }) => sensor_id);
  throw new UsageError(`There is no sensor ${JSON.stringify(called)}${didYouMean(called, names) || '.'}`);
}
