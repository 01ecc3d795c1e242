import type { ClientBase } from 'pg';

/** What a message that the topics file has decoded says of its sensor. What is undefined is not said. */
export interface FoundSensor {
  sensor_id: string;
  topic: string;
  unit?: string | undefined;
  quantity?: string | undefined;
  location?: string | undefined;
  name?: string | undefined;
}

/** What may be said, beside the id. */
export const FOUND_COLUMNS = ['topic', 'unit', 'quantity', 'location', 'name'] as const;

/**
 * Registers sensors that were found in messages, in the transaction of their readings. What a person has registered stays;
 * what is missing there is filled in.
 */
export async function registerFound(client: ClientBase, sensors: Iterable<FoundSensor>): Promise<void> {
  // Sorted, so that two loaders do not deadlock.
  const found = [...sensors].sort((a, b) => (a.sensor_id < b.sensor_id ? -1 : 1));
  if (found.length === 0) return;
  const columns = ['sensor_id', ...FOUND_COLUMNS] as const;
  await client.query(
    `INSERT INTO silver.sensor AS s (${columns}, registered_by)
     SELECT f.*, 'topics' FROM unnest(${columns.map((_, index) => `$${index + 1}::text[]`)}) f
     ON CONFLICT (sensor_id) DO UPDATE SET ${FOUND_COLUMNS.map(
       name => `${name} = CASE WHEN s.registered_by = 'topics' AND '${name}' <> 'topic'
         THEN coalesce(excluded.${name}, s.${name}) ELSE coalesce(s.${name}, excluded.${name}) END`,
     )}`,
    columns.map(name => found.map(sensor => sensor[name])),
  );
}
