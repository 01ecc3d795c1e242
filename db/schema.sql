-- What db/migrations add up to on plain PostgreSQL. Generated, and compared by a test. After a new migration:
--   node db/dump.ts > db/schema.sql
-- It reads the database that DATABASE_URL names, or else the one that `npm start` runs.

CREATE SCHEMA bronze;
COMMENT ON SCHEMA bronze IS 'What is known about the raw files: how far each is loaded, and what became of its lines.';

CREATE SCHEMA silver;
COMMENT ON SCHEMA silver IS 'Readings, one row each, with their quality; the sensor registry; what could not be stored.';

CREATE SCHEMA gold;
COMMENT ON SCHEMA gold IS 'Aggregates of silver, recomputed for the minutes that a load has touched.';

CREATE TABLE bronze.raw_file (
  collector text NOT NULL,
  path text NOT NULL,
  bytes bigint DEFAULT 0 NOT NULL,
  first_line_hash text,
  lines bigint DEFAULT 0 NOT NULL,
  stored bigint DEFAULT 0 NOT NULL,
  duplicates bigint DEFAULT 0 NOT NULL,
  conflicts bigint DEFAULT 0 NOT NULL,
  rejected bigint DEFAULT 0 NOT NULL,
  loaded_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT raw_file_pkey PRIMARY KEY (collector, path),
  CONSTRAINT raw_file_bytes_check CHECK ((bytes >= 0)),
  CONSTRAINT raw_file_ledger_adds_up CHECK ((lines = (((stored + duplicates) + conflicts) + rejected)))
);
COMMENT ON TABLE bronze.raw_file IS 'The ledger: one row per collector and raw file, written in the transaction that stores the rows.';
COMMENT ON COLUMN bronze.raw_file.collector IS 'Name of the data folder that holds the file (the content of its collector_id).';
COMMENT ON COLUMN bronze.raw_file.path IS 'Path below data/raw; absolute for a file that was replayed from elsewhere.';
COMMENT ON COLUMN bronze.raw_file.bytes IS 'The file is loaded up to this byte; always the end of a line.';
COMMENT ON COLUMN bronze.raw_file.first_line_hash IS 'SHA-256 (hex) of the first line: tells a file from another one that took its name.';
COMMENT ON COLUMN bronze.raw_file.lines IS 'Lines loaded: stored + duplicates + conflicts + rejected.';
COMMENT ON COLUMN bronze.raw_file.stored IS 'Lines that became a row of silver.sensor_reading.';
COMMENT ON COLUMN bronze.raw_file.duplicates IS 'Lines whose sensor, time and value were there already.';
COMMENT ON COLUMN bronze.raw_file.conflicts IS 'Lines whose sensor and time were there with another value: see silver.conflicting_reading.';
COMMENT ON COLUMN bronze.raw_file.rejected IS 'Lines that cannot be stored: see silver.rejected_line.';
COMMENT ON COLUMN bronze.raw_file.loaded_at IS 'When a batch last moved this row.';

CREATE TABLE silver.sensor (
  sensor_id character varying(50) NOT NULL,
  quantity text NOT NULL,
  unit text NOT NULL,
  location text,
  min_value double precision,
  max_value double precision,
  CONSTRAINT sensor_pkey PRIMARY KEY (sensor_id),
  CONSTRAINT sensor_range_not_empty CHECK ((min_value <= max_value))
);
COMMENT ON TABLE silver.sensor IS 'The sensor registry, upserted from db/sensors.csv when the collector starts.';
COMMENT ON COLUMN silver.sensor.sensor_id IS 'The id that the sensor sends.';
COMMENT ON COLUMN silver.sensor.quantity IS 'What is measured, such as temperature.';
COMMENT ON COLUMN silver.sensor.unit IS 'Unit of the values.';
COMMENT ON COLUMN silver.sensor.location IS 'Where the sensor is.';
COMMENT ON COLUMN silver.sensor.min_value IS 'The least plausible value; below it a reading is out_of_range. NULL: no limit.';
COMMENT ON COLUMN silver.sensor.max_value IS 'The greatest plausible value; above it a reading is out_of_range. NULL: no limit.';

CREATE TABLE silver.sensor_reading (
  "time" timestamp with time zone NOT NULL,
  sensor_id character varying(50) NOT NULL,
  value double precision NOT NULL,
  quality text NOT NULL,
  CONSTRAINT sensor_reading_pkey PRIMARY KEY (sensor_id, "time"),
  CONSTRAINT sensor_reading_quality_check CHECK ((quality = ANY (ARRAY['valid'::text, 'out_of_range'::text, 'unknown_sensor'::text])))
);
CREATE INDEX sensor_reading_time_idx ON silver.sensor_reading USING btree ("time" DESC);
COMMENT ON TABLE silver.sensor_reading IS 'Every reading, once. The key is (sensor_id, time): what arrives twice is stored once.';
COMMENT ON COLUMN silver.sensor_reading."time" IS 'When the sensor measured, to the microsecond.';
COMMENT ON COLUMN silver.sensor_reading.sensor_id IS 'The id that the sensor sent; see silver.sensor.';
COMMENT ON COLUMN silver.sensor_reading.value IS 'The value as sent, in the unit of silver.sensor.';
COMMENT ON COLUMN silver.sensor_reading.quality IS 'valid; out_of_range: outside min_value..max_value of silver.sensor; unknown_sensor: not in silver.sensor.';

CREATE TABLE silver.rejected_line (
  collector text NOT NULL,
  path text NOT NULL,
  byte_offset bigint NOT NULL,
  reason text NOT NULL,
  line text NOT NULL,
  rejected_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT rejected_line_pkey PRIMARY KEY (collector, path, byte_offset),
  CONSTRAINT rejected_line_collector_path_fkey FOREIGN KEY (collector, path) REFERENCES bronze.raw_file(collector, path) ON UPDATE CASCADE
);
COMMENT ON TABLE silver.rejected_line IS 'Lines of raw files that cannot be stored, with the reason.';
COMMENT ON COLUMN silver.rejected_line.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN silver.rejected_line.path IS 'See bronze.raw_file.';
COMMENT ON COLUMN silver.rejected_line.byte_offset IS 'Where the line begins in the file.';
COMMENT ON COLUMN silver.rejected_line.reason IS 'Why it cannot be stored; a SQLSTATE where the database refused it.';
COMMENT ON COLUMN silver.rejected_line.line IS 'The line; bytes that are not text are shown as U+FFFD, the raw file has the originals.';
COMMENT ON COLUMN silver.rejected_line.rejected_at IS 'When it was rejected.';

CREATE TABLE silver.conflicting_reading (
  "time" timestamp with time zone NOT NULL,
  sensor_id character varying(50) NOT NULL,
  stored_value double precision NOT NULL,
  conflicting_value double precision NOT NULL,
  collector text NOT NULL,
  path text NOT NULL,
  byte_offset bigint NOT NULL,
  found_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT conflicting_reading_pkey PRIMARY KEY (collector, path, byte_offset),
  CONSTRAINT conflicting_reading_collector_path_fkey FOREIGN KEY (collector, path) REFERENCES bronze.raw_file(collector, path) ON UPDATE CASCADE
);
CREATE INDEX conflicting_reading_key_idx ON silver.conflicting_reading USING btree (sensor_id, "time");
COMMENT ON TABLE silver.conflicting_reading IS 'Readings whose sensor and time are taken by another value: the first one stays in silver.sensor_reading, the other is kept here.';
COMMENT ON COLUMN silver.conflicting_reading."time" IS 'When the sensor measured.';
COMMENT ON COLUMN silver.conflicting_reading.sensor_id IS 'The id that the sensor sent.';
COMMENT ON COLUMN silver.conflicting_reading.stored_value IS 'The value in silver.sensor_reading.';
COMMENT ON COLUMN silver.conflicting_reading.conflicting_value IS 'The other value.';
COMMENT ON COLUMN silver.conflicting_reading.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN silver.conflicting_reading.path IS 'The raw file that holds the other value; see bronze.raw_file.';
COMMENT ON COLUMN silver.conflicting_reading.byte_offset IS 'Where its line begins in the file.';
COMMENT ON COLUMN silver.conflicting_reading.found_at IS 'When it was found.';

CREATE TABLE gold.reading_1min_mean (
  bucket timestamp with time zone NOT NULL,
  sensor_id character varying(50) NOT NULL,
  val_mean double precision NOT NULL,
  val_min double precision NOT NULL,
  val_max double precision NOT NULL,
  n bigint NOT NULL,
  CONSTRAINT reading_1min_mean_pkey PRIMARY KEY (bucket, sensor_id)
);
CREATE INDEX reading_1min_mean_sensor_idx ON gold.reading_1min_mean USING btree (sensor_id, bucket DESC);
COMMENT ON TABLE gold.reading_1min_mean IS 'Mean, least and greatest value of each sensor and minute; valid readings only. Refreshed every 60 seconds.';
COMMENT ON COLUMN gold.reading_1min_mean.bucket IS 'The minute, by its start (UTC).';
COMMENT ON COLUMN gold.reading_1min_mean.sensor_id IS 'See silver.sensor.';
COMMENT ON COLUMN gold.reading_1min_mean.val_mean IS 'Arithmetic mean of the valid values.';
COMMENT ON COLUMN gold.reading_1min_mean.val_min IS 'Least valid value.';
COMMENT ON COLUMN gold.reading_1min_mean.val_max IS 'Greatest valid value.';
COMMENT ON COLUMN gold.reading_1min_mean.n IS 'How many valid readings the minute has.';

CREATE TABLE gold.stale_minute (
  bucket timestamp with time zone NOT NULL,
  sensor_id character varying(50) NOT NULL
);
COMMENT ON TABLE gold.stale_minute IS 'Minutes that loads have touched since the last refresh; an append-only queue that the refresh empties.';
COMMENT ON COLUMN gold.stale_minute.bucket IS 'The minute, by its start.';
COMMENT ON COLUMN gold.stale_minute.sensor_id IS 'The sensor.';
