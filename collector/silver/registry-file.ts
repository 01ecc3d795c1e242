import { readFile } from 'node:fs/promises';
import { type CsvError, parse } from 'csv-parse/sync';
import { z } from 'zod';
import type { Sensor } from './registry.ts';

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
