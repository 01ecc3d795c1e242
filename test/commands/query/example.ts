import type { ClientBase } from 'pg';
import { prepareRefresh, refreshStaleMinutes } from '../../../collector/gold/refresh.ts';

/** What filling needs of a database: `pg` has it, and a PostgreSQL within the process as well. */
export interface Connection {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** Up to when the quality of the example is judged. */
const NOW = new Date('2025-11-12T10:10:00Z');

const registry = `
  INSERT INTO silver.sensor (sensor_id, quantity, unit, location, min_value, max_value, expected_interval, max_step_per_s, max_stuck)
  VALUES
    ('Sensor 1', 'temperature', '°C', 'Hall 1', 0, 45, '20 s', 0.1, '3 min'),
    ('Sensor 2', 'temperature', '°C', 'Hall 1', 0, 45, '1 min', 0.1, '3 min'),
    ('Sensor 9', 'temperature', '°C', 'Hall 2', 0, 45, '1 min', NULL, NULL),
    ('Voltage', 'voltage', 'V', 'Cabinet 1', 0, 400, NULL, NULL, NULL),
    ('Current', 'current', 'A', 'Cabinet 1', 0, 100, NULL, NULL, NULL),
    ('Wave A', 'level', 'm', 'Lab', NULL, NULL, NULL, NULL, NULL),
    ('Wave B', 'level', 'm', 'Lab', NULL, NULL, NULL, NULL, NULL),
    ('Spike', 'level', 'm', 'Lab', NULL, NULL, NULL, NULL, NULL),
    ('Flat', 'level', 'm', 'Lab', NULL, NULL, NULL, NULL, NULL);
  INSERT INTO silver.seen_sensor
  SELECT sensor_id, '2025-11-12 10:00Z' FROM silver.sensor WHERE sensor_id <> 'Sensor 9'
  UNION ALL VALUES ('Stranger', '2025-11-12 10:05Z'::timestamptz);
  INSERT INTO sluice.quality_watermark (filled_to) VALUES ('2025-11-12 10:00Z')`;

/*
 * Sensor 1, every 20 seconds from 10:00:00 on: minute m has 20+m, 20.3+m and 20.6+m. Nothing of minutes 4 to 6 came; at
 * 10:08:20 it sent 85, which is out of range and too fast. Its reading of 10:02:00 comes in `late` only.
 * Sensor 2, at second 30 of each minute: 21 up to minute 6, then 30, 30.5 and 31; and two readings on the day before.
 */
const silver = `
  INSERT INTO silver.sensor_reading
  SELECT '2025-11-12 10:00Z'::timestamptz + m * INTERVAL '1 min' + third * INTERVAL '20 s', 'Sensor 1',
         CASE WHEN (m, third) = (8, 1) THEN 85 ELSE (200 + 10 * m + 3 * third) / 10.0 END,
         CASE WHEN (m, third) = (8, 1) THEN 'out_of_range' ELSE 'valid' END
  FROM generate_series(0, 9) m, generate_series(0, 2) third
  WHERE m NOT IN (4, 5, 6) AND (m, third) <> (2, 0);
  INSERT INTO silver.sensor_reading
  SELECT '2025-11-12 10:00:30Z'::timestamptz + m * INTERVAL '1 min', 'Sensor 2', (ARRAY[30, 30.5, 31])[m - 6], 'valid'
  FROM generate_series(7, 9) m;
  INSERT INTO silver.sensor_reading
  SELECT '2025-11-12 10:00:30Z'::timestamptz + m * INTERVAL '1 min', 'Sensor 2', 21, 'valid'
  FROM generate_series(0, 6) m;
  INSERT INTO silver.sensor_reading VALUES
    ('2025-11-11 10:00:30Z', 'Sensor 2', 10, 'valid'), ('2025-11-11 23:30:30Z', 'Sensor 2', 20, 'valid'),
    ('2025-11-12 10:05Z', 'Stranger', 7, 'unknown_sensor'), ('2025-11-12 10:06Z', 'Stranger', 8, 'unknown_sensor'),
    ('2025-11-12 10:00Z', 'Voltage', 230, 'valid'), ('2025-11-12 10:01Z', 'Voltage', 232, 'valid'),
    ('2025-11-12 10:02Z', 'Voltage', 228, 'valid'),
    ('2025-11-12 10:00Z', 'Current', 2, 'valid'), ('2025-11-12 10:01Z', 'Current', 3, 'valid'),
    ('2025-11-12 10:02Z', 'Current', 4, 'valid'), ('2025-11-12 10:03Z', 'Current', 5, 'valid')`;

/*
 * An hour on the next day, a reading a minute: Wave A goes round 20 to 24, Wave B mirrors it twice as high, Spike goes
 * to and fro between 10 and 11 and Flat stays at 5, until both leap by minute 45.
 */
const waves = `
  INSERT INTO silver.sensor_reading
  SELECT '2025-11-13 00:00Z'::timestamptz + m * INTERVAL '1 min', w.sensor_id, w.value, 'valid'
  FROM generate_series(0, 59) m
  CROSS JOIN LATERAL (VALUES
    ('Wave A', 20 + m % 5), ('Wave B', 50 - 2 * (m % 5)),
    ('Spike', CASE WHEN m = 45 THEN 15 ELSE 10 + m % 2 END), ('Flat', CASE WHEN m = 45 THEN 6 ELSE 5 END)
  ) w (sensor_id, value)`;

const stale = `
  INSERT INTO sluice.stale_minute SELECT date_trunc('minute', time, 'UTC'), sensor_id FROM silver.sensor_reading`;

/** What comes after the first refresh: a late reading, one that is there already, and what is not stored. */
const afterwards = `
  INSERT INTO silver.sensor_reading (time, sensor_id, value, quality, late) VALUES
    ('2025-11-12 10:02:00Z', 'Sensor 1', 22, 'valid', true), ('2025-11-12 10:01:00Z', 'Sensor 1', 21, 'valid', false)
  ON CONFLICT DO NOTHING;
  INSERT INTO silver.duplicate_minute VALUES
    ('2025-11-12 10:01Z', 'Sensor 1', 2, '2025-11-12 10:01:30Z'), ('2025-11-12 10:01Z', 'Sensor 1', 1, '2025-11-12 10:09Z'),
    ('2025-11-12 10:08Z', 'Sensor 1', 1, '2025-11-12 10:08:30Z');
  INSERT INTO bronze.raw_file (collector, path, bytes, lines, understood, readings, stored, duplicates, conflicts, rejected, newest, loaded_at) VALUES
    ('sluice-1', '2025-11-12_Sensor_1.jsonl', 2000, 28, 26, 26, 21, 4, 1, 2, '2025-11-12 10:09:40Z', '2025-11-12 10:09:41Z'),
    ('sluice-1', '2025-11-12_Sensor_2.jsonl', 700, 10, 10, 10, 10, 0, 0, 0, '2025-11-12 10:09:30Z', '2025-11-12 10:09:31Z');
  INSERT INTO silver.conflicting_reading VALUES
    ('2025-11-12 10:03:20Z', 'Sensor 1', 23.3, 99, 'sluice-1', '2025-11-12_Sensor_1.jsonl', 900, '2025-11-12 10:03:21Z');
  INSERT INTO silver.rejected_line (collector, path, byte_offset, reason, line, rejected_at, time, sensor_id) VALUES
    ('sluice-1', '2025-11-12_Sensor_1.jsonl', 1000, 'value is not a number', 'the older line', '2025-11-12 10:07:11Z', '2025-11-12 10:07:10Z', 'Sensor 1'),
    ('sluice-1', '2025-11-12_Sensor_1.jsonl', 1100, 'value is not a number', 'the newer line', '2025-11-12 10:07:12Z', '2025-11-12 10:07:10Z', 'Sensor 1'),
    ('sluice-1', '2025-11-12_Sensor_2.jsonl', 700, 'dt is missing', E'a line that would colour the terminal: \\x1b[31m', '2025-11-12 10:07:13Z', NULL, NULL);
  INSERT INTO sluice.stale_minute VALUES
    ('2025-11-12 10:02Z', 'Sensor 1'), ('2025-11-12 10:01Z', 'Sensor 1'), ('2025-11-12 10:08Z', 'Sensor 1'),
    ('2025-11-12 10:03Z', 'Sensor 1'), ('2025-11-12 10:07Z', 'Sensor 1')`;

const waiting = `
  INSERT INTO sluice.stale_minute VALUES
    ('2025-11-12 10:20Z', 'Sensor 1'), ('2025-11-12 10:21Z', 'Sensor 1'), ('2025-11-12 10:20Z', 'Sensor 1'),
    ('2025-11-12 10:20Z', 'Sensor 2')`;

/**
 * Fills a migrated database with readings that are late, repeated, conflicting, rejected, unknown and out of range, and
 * refreshes gold before and after the late ones. Small enough to check each answer by hand.
 */
export async function fillExample(connection: Connection): Promise<void> {
  const client = connection as unknown as ClientBase;
  await prepareRefresh(client);
  for (const sql of [registry, silver, waves, stale]) await connection.query(sql);
  await refreshStaleMinutes(client, { now: NOW });
  await connection.query(afterwards);
  await refreshStaleMinutes(client, { now: NOW });
  await connection.query(waiting);
}
