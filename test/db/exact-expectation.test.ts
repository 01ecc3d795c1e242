import { expect, test } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { withDatabase } from '../harness/database.ts';
import { migrateFirst } from '../harness/older.ts';

/** The schema as it was before the migration under test. */
const BEFORE = 5;

test('minutes that were kept with six digits count whole readings after the migration', async () => {
  await withDatabase(
    async database => {
      await migrateFirst(database.url, BEFORE);
      await database.query(
        `INSERT INTO silver.sensor (sensor_id, quantity, unit, expected_interval) VALUES
           ('twelve', 'q', 'u', '12 min'), ('five', 'q', 'u', '5 s'), ('seven', 'q', 'u', '7 s');
         INSERT INTO silver.seen_sensor VALUES ('twelve', '2025-11-12 10:00Z'), ('seven', '2025-11-12 10:00:20Z');
         INSERT INTO gold.data_quality_1min
         SELECT '2025-11-12 10:00Z'::timestamptz + n * INTERVAL '1 min', 'twelve', 0.083333, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
         FROM generate_series(0, 59) n;
         INSERT INTO gold.data_quality_1min VALUES
           ('2025-11-12 10:00Z', 'five', 12.000000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
           ('2025-11-12 10:00Z', 'seven', 5.714286, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
           ('2025-11-12 10:01Z', 'seven', 8.571429, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
           ('2025-11-12 10:02Z', 'seven', 3.25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
         INSERT INTO gold.data_quality_hourly
         SELECT '2025-11-12 10:00Z', sensor_id, sum(expected), 4, 4, 0, 0, 0, 0, 0, 0, 0, 0
         FROM gold.data_quality_1min GROUP BY 2;
         INSERT INTO gold.data_quality_daily
         SELECT '2025-11-12', sensor_id, expected, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0 FROM gold.data_quality_hourly`,
      );
      await migrate(database.url);
      const [first, second, third] = ['5.714285714286', '8.571428571429', '3.25'];
      expect(
        await database.query(
          "SELECT expected FROM gold.data_quality_1min WHERE sensor_id = 'seven' ORDER BY bucket",
        ),
      ).toEqual([{ expected: first }, { expected: second }, { expected: third }]);
      for (const table of ['hourly', 'daily'])
        expect(
          await database.query(
            `SELECT sensor_id, gold.whole_readings(expected)::int AS whole, score::float
             FROM gold.data_quality_${table} ORDER BY sensor_id`,
          ),
        ).toEqual([
          { sensor_id: 'five', whole: 12, score: 33.3 },
          { sensor_id: 'seven', whole: 17, score: 23.5 },
          { sensor_id: 'twelve', whole: 5, score: 80 },
        ]);
    },
    { migrated: false },
  );
});
