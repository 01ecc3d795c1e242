-- Up Migration

-- What the registry expects of a sensor, beyond its range.
ALTER TABLE silver.sensor
  ADD COLUMN expected_interval interval CHECK (expected_interval > INTERVAL '0'),
  ADD COLUMN max_step_per_s    double precision CHECK (max_step_per_s > 0),
  ADD COLUMN max_stuck         interval CHECK (max_stuck > INTERVAL '0'),
  ADD COLUMN attributes        jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object');

COMMENT ON COLUMN silver.sensor.expected_interval IS 'Time between two readings of a healthy sensor. NULL: readings come when they come.';
COMMENT ON COLUMN silver.sensor.max_step_per_s IS 'The fastest plausible change of the value, in its unit per second; a faster one is a jump. NULL: no limit.';
COMMENT ON COLUMN silver.sensor.max_stuck IS 'How long a healthy sensor may repeat one value; after that it is stuck. NULL: for ever.';
COMMENT ON COLUMN silver.sensor.attributes IS 'Whatever else is known about the sensor, as a JSON object.';

-- Suspicions, one column each: quality says whether the value is plausible, these what is odd about it.
ALTER TABLE silver.sensor_reading
  ADD COLUMN late  boolean NOT NULL DEFAULT false,
  ADD COLUMN stuck boolean NOT NULL DEFAULT false,
  ADD COLUMN jump  boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN silver.sensor_reading.late IS 'It was recorded after a reading of the same sensor that is more than LATE_MINUTES newer.';
COMMENT ON COLUMN silver.sensor_reading.stuck IS 'The sensor has repeated this value for longer than max_stuck of silver.sensor. Judged by the refresh, every 60 seconds.';
COMMENT ON COLUMN silver.sensor_reading.jump IS 'It differs from the last valid reading by more than max_step_per_s of silver.sensor allows. Judged by the refresh, every 60 seconds.';

-- Which sensors have readings is asked often, and silver.sensor_reading answers it slowly.
CREATE TABLE silver.seen_sensor (
  sensor_id varchar(50) PRIMARY KEY,
  seen_at   timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE silver.seen_sensor IS 'Every sensor that silver.sensor_reading has readings of, registered or not.';
COMMENT ON COLUMN silver.seen_sensor.sensor_id IS 'The id that the sensor sent.';
COMMENT ON COLUMN silver.seen_sensor.seen_at IS 'When its first reading was stored.';

INSERT INTO silver.seen_sensor (sensor_id) SELECT DISTINCT sensor_id FROM silver.sensor_reading;

-- Each load appends how many duplicates it met; for the quality of a minute they are added up.
CREATE TABLE silver.duplicate_minute (
  bucket    timestamptz NOT NULL,
  sensor_id varchar(50) NOT NULL,
  n         bigint      NOT NULL CHECK (n > 0),
  loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX duplicate_minute_idx ON silver.duplicate_minute (sensor_id, bucket);

COMMENT ON TABLE silver.duplicate_minute IS 'Lines whose sensor, time and value were in silver.sensor_reading already, counted by sensor, minute and load; since Sluice counts them by minute.';
COMMENT ON COLUMN silver.duplicate_minute.bucket IS 'The minute of the readings, by its start.';
COMMENT ON COLUMN silver.duplicate_minute.sensor_id IS 'The id that the sensor sent.';
COMMENT ON COLUMN silver.duplicate_minute.n IS 'How many duplicates this load met.';
COMMENT ON COLUMN silver.duplicate_minute.loaded_at IS 'When they were met.';

ALTER TABLE silver.rejected_line
  ADD COLUMN time      timestamptz,
  ADD COLUMN sensor_id varchar(50);
CREATE INDEX rejected_line_key_idx ON silver.rejected_line (sensor_id, time);

COMMENT ON COLUMN silver.rejected_line.time IS 'When the sensor measured, where the line says so.';
COMMENT ON COLUMN silver.rejected_line.sensor_id IS 'The id that the sensor sent, where the line says so.';

ALTER TABLE bronze.raw_file ADD COLUMN newest timestamptz;

COMMENT ON COLUMN bronze.raw_file.newest IS 'The newest reading, to the second, that was recorded before byte `bytes` of the file: what is much older and comes after it is late.';

-- Down Migration

ALTER TABLE bronze.raw_file DROP COLUMN newest;
ALTER TABLE silver.rejected_line DROP COLUMN time, DROP COLUMN sensor_id;
DROP TABLE silver.duplicate_minute;
DROP TABLE silver.seen_sensor;
ALTER TABLE silver.sensor_reading DROP COLUMN late, DROP COLUMN stuck, DROP COLUMN jump;
ALTER TABLE silver.sensor
  DROP COLUMN expected_interval, DROP COLUMN max_step_per_s, DROP COLUMN max_stuck, DROP COLUMN attributes;
