import type { ClientBase } from 'pg';

/** A row of the registry, silver.sensor. */
export interface Sensor {
  sensor_id: string;
  quantity: string;
  unit: string;
  location: string | null;
  min_value: number | null;
  max_value: number | null;
}

export type Quality = 'valid' | 'out_of_range' | 'unknown_sensor';

/** Upserts sensors into silver.sensor; others that are there stay. */
export async function upsertSensors(client: ClientBase, sensors: Sensor[]): Promise<void> {
  const column = <K extends keyof Sensor>(name: K) => sensors.map(sensor => sensor[name]);
  await client.query(
    `INSERT INTO silver.sensor AS s (sensor_id, quantity, unit, location, min_value, max_value)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::float8[])
     ON CONFLICT (sensor_id) DO UPDATE SET quantity = excluded.quantity, unit = excluded.unit,
       location = excluded.location, min_value = excluded.min_value, max_value = excluded.max_value
     WHERE (s.*) IS DISTINCT FROM (excluded.*)`,
    [
      column('sensor_id'),
      column('quantity'),
      column('unit'),
      column('location'),
      column('min_value'),
      column('max_value'),
    ],
  );
}

/** Judges readings by the registry as it stands in the database. */
export class Registry {
  readonly #limits = new Map<string, { min: number; max: number }>();

  static async load(client: ClientBase): Promise<Registry> {
    const registry = new Registry();
    const { rows } = await client.query<Sensor>('SELECT sensor_id, min_value, max_value FROM silver.sensor');
    for (const { sensor_id, min_value, max_value } of rows) {
      registry.#limits.set(sensor_id, {
        min: min_value ?? Number.NEGATIVE_INFINITY,
        max: max_value ?? Number.POSITIVE_INFINITY,
      });
    }
    return registry;
  }

  qualityOf(sensorId: string, value: number): Quality {
    const limits = this.#limits.get(sensorId);
    if (limits === undefined) return 'unknown_sensor';
    return value < limits.min || value > limits.max ? 'out_of_range' : 'valid';
  }
}
