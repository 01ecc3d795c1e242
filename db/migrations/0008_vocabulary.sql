-- Up Migration

-- Minutes, hours and days say the same by the same names: bucket, val_mean, val_min, val_max, n.
DROP VIEW gold.daily_power;
ALTER TABLE gold.daily_mean RENAME COLUMN day TO bucket;
ALTER TABLE gold.daily_mean ALTER COLUMN bucket TYPE timestamptz USING bucket::timestamp AT TIME ZONE 'UTC';
ALTER TABLE gold.data_quality_daily RENAME COLUMN day TO bucket;
ALTER TABLE gold.data_quality_daily ALTER COLUMN bucket TYPE timestamptz USING bucket::timestamp AT TIME ZONE 'UTC';
COMMENT ON COLUMN gold.daily_mean.bucket IS 'The UTC day, by its start.';
COMMENT ON COLUMN gold.data_quality_daily.bucket IS 'The UTC day, by its start.';

CREATE VIEW gold.daily_power AS
SELECT bucket, location, val_mean[1] AS mean_voltage, val_mean[2] AS mean_current, val_mean[1] * val_mean[2] AS mean_power
FROM (
  SELECT d.bucket, s.location, ARRAY[
    sum(d.val_mean * d.n) FILTER (WHERE lower(s.quantity) = 'voltage') / sum(d.n) FILTER (WHERE lower(s.quantity) = 'voltage'),
    sum(d.val_mean * d.n) FILTER (WHERE lower(s.quantity) = 'current') / sum(d.n) FILTER (WHERE lower(s.quantity) = 'current')
  ] AS val_mean
  FROM gold.daily_mean d JOIN silver.sensor s USING (sensor_id)
  WHERE lower(s.quantity) IN ('voltage', 'current') AND s.location IS NOT NULL
    -- A product that no double can hold would be an error, for every site.
    AND (d.val_mean = 0 OR abs(d.val_mean) BETWEEN '1e-100'::float8 AND '1e100'::float8)
  GROUP BY d.bucket, s.location
) site
WHERE val_mean[1] IS NOT NULL AND val_mean[2] IS NOT NULL;

COMMENT ON VIEW gold.daily_power IS 'Mean voltage times mean current of each UTC day, for each location that has sensors of both quantities; valid readings only.';
COMMENT ON COLUMN gold.daily_power.bucket IS 'The UTC day, by its start.';
COMMENT ON COLUMN gold.daily_power.location IS 'The location that the sensors share in silver.sensor.';
COMMENT ON COLUMN gold.daily_power.mean_voltage IS 'Mean of the readings whose quantity is voltage, in their unit.';
COMMENT ON COLUMN gold.daily_power.mean_current IS 'Mean of the readings whose quantity is current, in their unit.';
COMMENT ON COLUMN gold.daily_power.mean_power IS 'Their product: watts where the units are volts and amperes.';

-- What nine questions in ten are about.
CREATE VIEW silver.reading AS
SELECT r.time, r.sensor_id, s.name, r.value, s.unit, s.quantity, s.location, r.late, r.stuck, r.jump
FROM silver.sensor_reading r
LEFT JOIN silver.sensor s ON s.sensor_id = r.sensor_id
WHERE r.quality = 'valid';

COMMENT ON VIEW silver.reading IS 'The valid readings, each with what the registry says of its sensor. All readings are in silver.sensor_reading.';
COMMENT ON COLUMN silver.reading.time IS 'When the sensor measured.';
COMMENT ON COLUMN silver.reading.sensor_id IS 'The id that the sensor sent.';
COMMENT ON COLUMN silver.reading.name IS 'What people call the sensor.';
COMMENT ON COLUMN silver.reading.value IS 'The value as sent.';
COMMENT ON COLUMN silver.reading.unit IS 'Unit of the value.';
COMMENT ON COLUMN silver.reading.quantity IS 'What is measured.';
COMMENT ON COLUMN silver.reading.location IS 'Where the sensor is.';
COMMENT ON COLUMN silver.reading.late IS 'See silver.sensor_reading.';
COMMENT ON COLUMN silver.reading.stuck IS 'See silver.sensor_reading.';
COMMENT ON COLUMN silver.reading.jump IS 'See silver.sensor_reading.';

-- A reading ahead of the clock is not the latest before its time, and breaks no silence.
CREATE OR REPLACE VIEW silver.latest_reading AS
SELECT seen.sensor_id, r.time, r.value, s.unit, s.quantity, s.location, r.quality, r.late, r.stuck, r.jump
FROM silver.seen_sensor seen
CROSS JOIN LATERAL (
  SELECT * FROM silver.sensor_reading WHERE sensor_id = seen.sensor_id AND time <= now() ORDER BY time DESC LIMIT 1
) r
LEFT JOIN silver.sensor s ON s.sensor_id = seen.sensor_id;

COMMENT ON VIEW silver.latest_reading IS 'The newest reading of each sensor, registered or not, up to now: what is ahead of the clock has to wait for its time.';

CREATE OR REPLACE VIEW silver.silent_sensor AS
SELECT s.sensor_id, s.quantity, s.location, s.expected_interval, r.time AS last_time, now() - r.time AS silent_for
FROM silver.sensor s
LEFT JOIN LATERAL (
  SELECT time FROM silver.sensor_reading WHERE sensor_id = s.sensor_id AND time <= now() ORDER BY time DESC LIMIT 1
) r ON true
WHERE s.expected_interval IS NOT NULL AND (r.time IS NULL OR r.time < now() - 3 * s.expected_interval);

CREATE SCHEMA compat;
COMMENT ON SCHEMA compat IS 'Views for dashboards that were made for another schema: sensors, measurements, latest_readings, hourly_aggregates.';

CREATE VIEW compat.sensors AS
SELECT sensor_id, name, quantity AS type, unit, location, min_value, max_value FROM silver.sensor;

CREATE VIEW compat.measurements AS
SELECT sensor_id, time AS "timestamp", value, quality AS quality_flag FROM silver.sensor_reading;

CREATE VIEW compat.latest_readings AS
SELECT sensor_id, quantity AS type, unit, location, time AS "timestamp", value, quality AS quality_flag
FROM silver.latest_reading;

CREATE VIEW compat.hourly_aggregates AS
SELECT sensor_id, bucket AS hour, val_mean AS avg_value, val_min AS min_value, val_max AS max_value, n AS reading_count
FROM gold.hourly_mean;

COMMENT ON VIEW compat.sensors IS 'silver.sensor.';
COMMENT ON VIEW compat.measurements IS 'silver.sensor_reading: valid, out_of_range and unknown_sensor.';
COMMENT ON VIEW compat.latest_readings IS 'silver.latest_reading.';
COMMENT ON VIEW compat.hourly_aggregates IS 'gold.hourly_mean; valid readings only.';

-- Down Migration

DROP SCHEMA compat CASCADE;
DROP VIEW silver.reading;
CREATE OR REPLACE VIEW silver.latest_reading AS
SELECT seen.sensor_id, r.time, r.value, s.unit, s.quantity, s.location, r.quality, r.late, r.stuck, r.jump
FROM silver.seen_sensor seen
CROSS JOIN LATERAL (
  SELECT * FROM silver.sensor_reading WHERE sensor_id = seen.sensor_id ORDER BY time DESC LIMIT 1
) r
LEFT JOIN silver.sensor s ON s.sensor_id = seen.sensor_id;
CREATE OR REPLACE VIEW silver.silent_sensor AS
SELECT s.sensor_id, s.quantity, s.location, s.expected_interval, r.time AS last_time, now() - r.time AS silent_for
FROM silver.sensor s
LEFT JOIN LATERAL (
  SELECT time FROM silver.sensor_reading WHERE sensor_id = s.sensor_id ORDER BY time DESC LIMIT 1
) r ON true
WHERE s.expected_interval IS NOT NULL AND (r.time IS NULL OR r.time < now() - 3 * s.expected_interval);
DROP VIEW gold.daily_power;
ALTER TABLE gold.data_quality_daily ALTER COLUMN bucket TYPE date USING (bucket AT TIME ZONE 'UTC')::date;
ALTER TABLE gold.data_quality_daily RENAME COLUMN bucket TO day;
ALTER TABLE gold.daily_mean ALTER COLUMN bucket TYPE date USING (bucket AT TIME ZONE 'UTC')::date;
ALTER TABLE gold.daily_mean RENAME COLUMN bucket TO day;
CREATE VIEW gold.daily_power AS
SELECT day, location, val_mean[1] AS mean_voltage, val_mean[2] AS mean_current, val_mean[1] * val_mean[2] AS mean_power
FROM (
  SELECT d.day, s.location, ARRAY[
    sum(d.val_mean * d.n) FILTER (WHERE lower(s.quantity) = 'voltage') / sum(d.n) FILTER (WHERE lower(s.quantity) = 'voltage'),
    sum(d.val_mean * d.n) FILTER (WHERE lower(s.quantity) = 'current') / sum(d.n) FILTER (WHERE lower(s.quantity) = 'current')
  ] AS val_mean
  FROM gold.daily_mean d JOIN silver.sensor s USING (sensor_id)
  WHERE lower(s.quantity) IN ('voltage', 'current') AND s.location IS NOT NULL
    -- A product that no double can hold would be an error, for every site.
    AND (d.val_mean = 0 OR abs(d.val_mean) BETWEEN '1e-100'::float8 AND '1e100'::float8)
  GROUP BY d.day, s.location
) site
WHERE val_mean[1] IS NOT NULL AND val_mean[2] IS NOT NULL;
