import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withDatabase } from '../support/database.ts';

test('every SQL query of README runs on the schema of db/migrations', async () => {
  const readme = await readFile(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');
  const queries = [...readme.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, sql]) => sql!);
  expect(queries.length).toBeGreaterThanOrEqual(6);
  await withDatabase(async database => {
    await database.query(
      `INSERT INTO silver.sensor VALUES ('Sensor 1', 'temperature', '°C', 'Hall 1', 0, 45), ('Sensor 2', 'temperature', '°C', 'Hall 2', 0, 45)`,
    );
    await database.query(
      `INSERT INTO silver.sensor_reading VALUES (now(), 'Sensor 1', 20, 'valid'), (now(), 'Sensor 2', 85, 'out_of_range')`,
    );
    await database.query(
      `INSERT INTO gold.reading_1min_mean VALUES (date_trunc('minute', now()), 'Sensor 1', 20, 20, 20, 1)`,
    );
    await database.query(`INSERT INTO bronze.raw_file (collector, path) VALUES ('c', 'p')`);
    for (const query of queries) {
      expect(await database.query(query).catch(error => error), query).toSatisfy(
        rows => Array.isArray(rows) && rows.length > 0,
      );
    }
  });
});
