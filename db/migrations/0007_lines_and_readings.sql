-- Up Migration

-- A line may have no reading, one or many, so lines and readings are counted apart.
ALTER TABLE bronze.raw_file
  DROP CONSTRAINT raw_file_ledger_adds_up,
  ADD COLUMN understood bigint NOT NULL DEFAULT 0,
  ADD COLUMN empty      bigint NOT NULL DEFAULT 0,
  ADD COLUMN readings   bigint NOT NULL DEFAULT 0,
  ADD COLUMN refused    bigint NOT NULL DEFAULT 0;

-- Until now what the database had refused was counted as a rejected line.
UPDATE bronze.raw_file f SET refused = r.n
FROM (
  SELECT collector, path, count(*) AS n FROM silver.rejected_line WHERE reason LIKE 'SQLSTATE %' GROUP BY collector, path
) r
WHERE r.collector = f.collector AND r.path = f.path;
UPDATE bronze.raw_file
SET understood = lines - rejected + refused,
    readings   = stored + duplicates + conflicts + refused,
    rejected   = rejected - refused;

ALTER TABLE bronze.raw_file
  ADD CONSTRAINT raw_file_lines_add_up CHECK (lines = understood + rejected + empty),
  ADD CONSTRAINT raw_file_readings_add_up CHECK (readings = stored + duplicates + conflicts + refused);

COMMENT ON COLUMN bronze.raw_file.lines IS 'Lines loaded: understood + rejected + empty.';
COMMENT ON COLUMN bronze.raw_file.understood IS 'Lines that hold readings.';
COMMENT ON COLUMN bronze.raw_file.rejected IS 'Lines that are not understood: see silver.rejected_line.';
COMMENT ON COLUMN bronze.raw_file.empty IS 'Lines that are understood and hold no reading, such as a status.';
COMMENT ON COLUMN bronze.raw_file.readings IS 'Readings of the lines: stored + duplicates + conflicts + refused.';
COMMENT ON COLUMN bronze.raw_file.stored IS 'Readings that became a row of silver.sensor_reading.';
COMMENT ON COLUMN bronze.raw_file.duplicates IS 'Readings whose sensor, time and value were there already.';
COMMENT ON COLUMN bronze.raw_file.conflicts IS 'Readings whose sensor and time were there with another value: see silver.conflicting_reading.';
COMMENT ON COLUMN bronze.raw_file.refused IS 'Readings that cannot be stored: see silver.rejected_line.';

ALTER TABLE silver.rejected_line
  ADD COLUMN reading int NOT NULL DEFAULT 0 CHECK (reading >= 0),
  DROP CONSTRAINT rejected_line_pkey,
  ADD PRIMARY KEY (collector, path, byte_offset, reading);
UPDATE silver.rejected_line SET reading = 1 WHERE reason LIKE 'SQLSTATE %';
COMMENT ON TABLE silver.rejected_line IS 'Lines of raw files that are not understood, and readings of lines that cannot be stored, with the reason.';
COMMENT ON COLUMN silver.rejected_line.reading IS 'Which reading of the line cannot be stored, from 1; 0: the line is not understood.';
COMMENT ON COLUMN silver.rejected_line.line IS 'The line, or the reading; bytes that are not text are shown as U+FFFD, the raw file has the originals.';

ALTER TABLE silver.conflicting_reading
  ADD COLUMN reading int NOT NULL DEFAULT 1 CHECK (reading > 0),
  DROP CONSTRAINT conflicting_reading_pkey,
  ADD PRIMARY KEY (collector, path, byte_offset, reading);
COMMENT ON COLUMN silver.conflicting_reading.reading IS 'Which reading of the line it is, from 1.';

-- What messages say of their sensors is registered as well.
ALTER TABLE silver.sensor
  ALTER COLUMN quantity DROP NOT NULL,
  ALTER COLUMN unit DROP NOT NULL,
  ADD COLUMN name          text,
  ADD COLUMN topic         text,
  ADD COLUMN registered_by text NOT NULL DEFAULT 'person' CHECK (registered_by IN ('person', 'topics'));
COMMENT ON TABLE silver.sensor IS 'The sensor registry: upserted from db/sensors.csv when the collector starts, and sensors that the topics file has found.';
COMMENT ON COLUMN silver.sensor.quantity IS 'What is measured, such as temperature; NULL: nobody has said.';
COMMENT ON COLUMN silver.sensor.unit IS 'Unit of the values; NULL: nobody has said.';
COMMENT ON COLUMN silver.sensor.name IS 'What people call the sensor.';
COMMENT ON COLUMN silver.sensor.topic IS 'The MQTT topic on which it was first found; NULL: its messages name their sensor themselves.';
COMMENT ON COLUMN silver.sensor.registered_by IS 'person: what messages say fills in what is missing and overwrites nothing; topics: registered by the topics file, and follows it.';

-- Down Migration

ALTER TABLE silver.sensor DROP COLUMN name, DROP COLUMN topic, DROP COLUMN registered_by;
UPDATE silver.sensor SET quantity = coalesce(quantity, ''), unit = coalesce(unit, '');
ALTER TABLE silver.sensor ALTER COLUMN quantity SET NOT NULL, ALTER COLUMN unit SET NOT NULL;
DELETE FROM silver.conflicting_reading WHERE reading > 1;
ALTER TABLE silver.conflicting_reading
  DROP CONSTRAINT conflicting_reading_pkey, DROP COLUMN reading, ADD PRIMARY KEY (collector, path, byte_offset);
DELETE FROM silver.rejected_line WHERE reading > 1;
ALTER TABLE silver.rejected_line
  DROP CONSTRAINT rejected_line_pkey, DROP COLUMN reading, ADD PRIMARY KEY (collector, path, byte_offset);
ALTER TABLE bronze.raw_file DROP CONSTRAINT raw_file_lines_add_up, DROP CONSTRAINT raw_file_readings_add_up;
UPDATE bronze.raw_file SET rejected = rejected + refused, lines = stored + duplicates + conflicts + rejected + refused;
ALTER TABLE bronze.raw_file
  DROP COLUMN understood, DROP COLUMN empty, DROP COLUMN readings, DROP COLUMN refused,
  ADD CONSTRAINT raw_file_ledger_adds_up CHECK (lines = stored + duplicates + conflicts + rejected);
