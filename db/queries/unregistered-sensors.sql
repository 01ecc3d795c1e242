-- Which sensors send and are not in the registry?
--
-- One row a sensor, the newest first, with its last reading. Their readings are stored with quality unknown_sensor and
-- are in no mean. Add them to the registry (SENSORS_FILE).
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::timestamptz AS since -- only those whose last reading is not older; NULL: all
)
SELECT l.sensor_id, seen.seen_at AS first_stored_at, l.time AS last_time, l.value AS last_value
FROM params p
JOIN silver.latest_reading l ON p.since IS NULL OR l.time >= p.since
JOIN silver.seen_sensor seen USING (sensor_id)
WHERE NOT EXISTS (SELECT FROM silver.sensor WHERE sensor.sensor_id = l.sensor_id)
ORDER BY l.time DESC, l.sensor_id;
