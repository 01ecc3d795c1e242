import { readFile } from 'node:fs/promises';
import { type CsvError, parse } from 'csv-parse/sync';
import type { ClientBase } from 'pg';
import { z } from 'zod';

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

const limit = z
  .string()
  .trim()
  .regex(/^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)?$/, 'must be a number or empty')
  .transform(text => (text === '' ? null : Number(text)));

const row = z
  .object({
    sensor_id: z
      .string()
      .regex(/^\P{Cc}{1,50}$/u, 'must be 1 to 50 characters, none of them a control character'),
    quantity: z.string().min(1, 'must not be empty'),
    unit: z.string().min(1, 'must not be empty'),
    location: z
      .string()
      .optional()
      .transform(text => text || null),
    min_value: limit,
    max_value: limit,
  })
  .refine(
    sensor =>
      sensor.min_value === null || sensor.max_value === null || !(sensor.min_value > sensor.max_value),
    {
      message: 'must not be greater than max_value',
      path: ['min_value'],
    },
  );

/** A registry file cannot be used; `problems` names every mistake with its line. */
export class RegistryError extends Error {
  readonly problems: string[];
  constructor(file: string, problems: string[]) {
    super(
      `The sensor registry ${file} cannot be used:\n${problems.map(problem => `  ${problem}`).join('\n')}`,
    );
    this.name = 'RegistryError';
    this.problems = problems;
  }
}

/**
 * Reads a registry file: CSV with the columns sensor_id, quantity, unit, location, min_value, max_value.
 * @throws {RegistryError} with all mistakes at once.
 */
export async function readRegistry(file: string): Promise<Sensor[]> {
  let records: { record: Record<string, string>; info: { lines: number } }[];
  try {
    records = parse(await readFile(file), { columns: true, bom: true, info: true, skip_empty_lines: true });
  } catch (error) {
    const { lines, message } = error as CsvError;
    throw new RegistryError(file, [typeof lines === 'number' ? `line ${lines}: ${message}` : message]);
  }
  const problems: string[] = [];
  const sensors = new Map<string, Sensor>();
  for (const { record, info } of records) {
    const result = row.safeParse(record);
    if (!result.success) {
      for (const issue of result.error.issues) {
        problems.push(
          `line ${info.lines}: ${issue.path.join('.')} ${issue.message.replace(/^Invalid input.*/, 'is missing')}`,
        );
      }
    } else if (sensors.has(result.data.sensor_id)) {
      problems.push(`line ${info.lines}: sensor_id ${JSON.stringify(result.data.sensor_id)} stands twice`);
    } else {
      sensors.set(result.data.sensor_id, result.data);
    }
  }
  if (problems.length > 0) throw new RegistryError(file, problems);
  return [...sensors.values()];
}

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
