import type { ClientBase } from 'pg';
import { FOUND_COLUMNS, type FoundSensor } from './found-sensors.ts';

/**
 * A row of the registry, silver.sensor. What is undefined is not said: the database keeps what it has. Intervals are
 * spelt as `parseInterval` does, attributes are JSON text.
 */
export interface Sensor {
  sensor_id: string;
  quantity: string | null;
  unit: string | null;
  location?: string | null;
  /** What people call it. */
  name?: string | null;
  min_value: number | null;
  max_value: number | null;
  expected_interval?: string | null;
  max_step_per_s?: number | null;
  max_stuck?: string | null;
  attributes?: string;
}

/** Some of what is to be known of a sensor. */
export type SaidOfSensor = Pick<Sensor, 'sensor_id'> & Partial<Sensor>;

/** The columns of silver.sensor, each with its type, in the order of the registry file. */
export const sensorColumns = {
  sensor_id: 'text',
  quantity: 'text',
  unit: 'text',
  location: 'text',
  min_value: 'float8',
  max_value: 'float8',
  expected_interval: 'interval',
  max_step_per_s: 'float8',
  max_stuck: 'interval',
  attributes: 'jsonb',
  name: 'text',
} satisfies Record<keyof Sensor, string>;
export type SensorColumn = keyof Sensor;

/** The channel on which changes of silver.sensor are announced. Whoever misses one reads it again within a minute. */
export const REGISTRY_CHANNEL = 'sluice_registry';

export type Quality = 'valid' | 'out_of_range' | 'unknown_sensor';

/** What `Registry.qualityOf` says, as SQL over a reading `r` and its row `s` of silver.sensor, or NULLs. */
export const qualitySql = `
  CASE WHEN s.sensor_id IS NULL THEN 'unknown_sensor'
       WHEN r.value < s.min_value OR r.value > s.max_value THEN 'out_of_range'
       ELSE 'valid' END`;

/**
 * Upserts sensors into silver.sensor; others that are there stay.
 * @returns how many were not there, and how many were there and are different now.
 */
export async function upsertSensors(
  client: ClientBase,
  sensors: SaidOfSensor[],
): Promise<{ added: number; changed: number }> {
  const counts = { added: 0, changed: 0 };
  for (const [columns, group] of Map.groupBy(sensors, sensor => saidBy(sensor).join())) {
    const names = columns.split(',') as SensorColumn[];
    const rest = names.filter(name => name !== 'sensor_id');
    const { rows } = await client.query<{ added: boolean }>(
      `INSERT INTO silver.sensor AS s (${columns})
       SELECT * FROM unnest(${names.map((name, index) => `$${index + 1}::${sensorColumns[name]}[]`).join()})
       ON CONFLICT (sensor_id) DO UPDATE SET registered_by = 'person', ${rest.map(name => `${name} = excluded.${name}`).join()}
       WHERE s.registered_by <> 'person'
         OR (${rest.map(name => `s.${name}`).join()}) IS DISTINCT FROM (${rest.map(name => `excluded.${name}`).join()})
       RETURNING xmax = 0 AS added`,
      names.map(name => group.map(sensor => sensor[name])),
    );
    for (const { added } of rows) counts[added ? 'added' : 'changed']++;
  }
  return counts;
}

/** The columns that are said of a sensor; those of one file are the same for all. */
function saidBy(sensor: SaidOfSensor): SensorColumn[] {
  return (Object.keys(sensorColumns) as SensorColumn[]).filter(name => sensor[name] !== undefined);
}

/** What the registry has of a sensor that was found in messages. */
type Found = Partial<Record<(typeof FOUND_COLUMNS)[number], string | null>> & { byTopics: boolean };

/** Classifies readings by the registry as it is in the database. */
export class Registry {
  readonly #limits = new Map<string, { min: number; max: number }>();
  /** Sensors with a topic. */
  readonly #found = new Map<string, Found>();

  static async load(client: ClientBase): Promise<Registry> {
    const registry = new Registry();
    const { rows } = await client.query<Sensor>('SELECT sensor_id, min_value, max_value FROM silver.sensor');
    for (const { sensor_id, min_value, max_value } of rows) {
      registry.#limits.set(sensor_id, {
        min: min_value ?? Number.NEGATIVE_INFINITY,
        max: max_value ?? Number.POSITIVE_INFINITY,
      });
    }
    const found = await client.query<Found & { sensor_id: string }>(
      `SELECT sensor_id, ${FOUND_COLUMNS}, registered_by = 'topics' AS "byTopics" FROM silver.sensor WHERE topic IS NOT NULL`,
    );
    for (const { sensor_id, ...known } of found.rows) registry.#found.set(sensor_id, known);
    return registry;
  }

  /** Whether `registerFound` would change anything. */
  lacks(found: FoundSensor): boolean {
    const known = this.#found.get(found.sensor_id);
    if (known === undefined) return true;
    return FOUND_COLUMNS.some(name => {
      const said = found[name];
      // Two topics may have the same sensor; the registry keeps the first.
      if (said === undefined || (name === 'topic' && known.topic !== null)) return false;
      return known.byTopics ? known[name] !== said : known[name] === null;
    });
  }

  /** Notes what `registerFound` has committed. */
  learn(found: FoundSensor): void {
    const { sensor_id } = found;
    const known = this.#found.get(sensor_id) ?? { byTopics: !this.#limits.has(sensor_id) };
    for (const name of FOUND_COLUMNS) {
      const said = found[name];
      if (said !== undefined && (known.byTopics || known[name] == null)) known[name] = said;
    }
    this.#found.set(sensor_id, known);
    if (!this.#limits.has(sensor_id))
      this.#limits.set(sensor_id, { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY });
  }

  /** The quality of a reading that the topics file has decoded: its sensor is registered with it. */
  foundQualityOf(sensorId: string, value: number): Quality {
    return this.#limits.has(sensorId) ? this.qualityOf(sensorId, value) : 'valid';
  }

  qualityOf(sensorId: string, value: number): Quality {
    const limits = this.#limits.get(sensorId);
    if (limits === undefined) return 'unknown_sensor';
    return value < limits.min || value > limits.max ? 'out_of_range' : 'valid';
  }
}
