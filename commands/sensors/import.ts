import type { ClientBase } from 'pg';
import { REGISTRY_CHANNEL, type Sensor, upsertSensors } from '../../collector/silver/registry.ts';

export interface Imported {
  added: number;
  changed: number;
  unchanged: number;
  /** Sensors that were not among those imported, and are gone. */
  pruned: number;
  /** Sensors with stored readings whose judgement may be another one now. */
  toReclassify: number;
}

/** What readings are judged by, as text that can be compared. */
const JUDGED_BY =
  'row(min_value, max_value, expected_interval, max_step_per_s, max_stuck)::text AS judged_by';

/**
 * Adds and changes sensors in one transaction, and tells the collectors.
 * @param prune also remove the sensors that are not among them.
 */
export async function importSensors(
  client: ClientBase,
  sensors: Sensor[],
  { prune = false } = {},
): Promise<Imported> {
  await client.query('BEGIN');
  try {
    // Readers go on; another import, or a collector that starts, waits.
    await client.query('LOCK TABLE silver.sensor IN SHARE ROW EXCLUSIVE MODE');
    const before = await judgedBy(client);
    const { added, changed } = await upsertSensors(client, sensors);
    const pruned = prune ? await pruneAllBut(client, sensors) : 0;
    const toReclassify = await countStored(client, differing(before, await judgedBy(client)));
    await client.query(`NOTIFY ${REGISTRY_CHANNEL}`);
    await client.query('COMMIT');
    return { added, changed, unchanged: sensors.length - added - changed, pruned, toReclassify };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function judgedBy(client: ClientBase): Promise<Map<string, string>> {
  const { rows } = await client.query<{ sensor_id: string; judged_by: string }>(
    `SELECT sensor_id, ${JUDGED_BY} FROM silver.sensor`,
  );
  return new Map(rows.map(row => [row.sensor_id, row.judged_by]));
}

async function pruneAllBut(client: ClientBase, sensors: Sensor[]): Promise<number> {
  const { rowCount } = await client.query('DELETE FROM silver.sensor WHERE sensor_id <> ALL ($1::text[])', [
    sensors.map(sensor => sensor.sensor_id),
  ]);
  return rowCount ?? 0;
}

function differing(before: Map<string, string>, after: Map<string, string>): string[] {
  const ids = new Set([...before.keys(), ...after.keys()]);
  return [...ids].filter(id => before.get(id) !== after.get(id));
}

async function countStored(client: ClientBase, sensorIds: string[]): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM silver.seen_sensor WHERE sensor_id = ANY ($1::text[])',
    [sensorIds],
  );
  return rows[0]!.count;
}
