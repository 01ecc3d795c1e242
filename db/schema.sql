-- What db/migrations add up to on plain PostgreSQL. Written and compared by a test. After a new migration:
--   npm test -- test/db/schema.test.ts -u

CREATE SCHEMA bronze;
COMMENT ON SCHEMA bronze IS 'What is known about the raw files: how far each is loaded, and what became of its lines.';

CREATE SCHEMA silver;
COMMENT ON SCHEMA silver IS 'Readings, one row each, with their quality; the sensor registry; what could not be stored.';

CREATE SCHEMA gold;
COMMENT ON SCHEMA gold IS 'Aggregates of silver, recomputed for the minutes that a load has touched.';

CREATE SCHEMA compat;
COMMENT ON SCHEMA compat IS 'Views for dashboards that were made for another schema: sensors, measurements, latest_readings, hourly_aggregates.';

CREATE OR REPLACE FUNCTION gold.quality_verdict(score numeric)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (score > (95)::numeric) THEN 'good'::text WHEN (score >= (80)::numeric) THEN 'warning'::text WHEN (score < (80)::numeric) THEN 'critical'::text ELSE NULL::text END;
COMMENT ON FUNCTION gold.quality_verdict(numeric) IS 'good: a score over 95; warning: 80 to 95; critical: below 80.';

CREATE OR REPLACE FUNCTION gold.whole_readings(expected numeric)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN floor((COALESCE(expected, (0)::numeric) + 0.000001));
COMMENT ON FUNCTION gold.whole_readings(numeric) IS 'How many whole readings were expected. Minutes are kept with 12 digits: what their sum lacks of a whole number by rounding is given back. Nothing registered: 0.';

CREATE OR REPLACE FUNCTION gold.quality_score(expected numeric, received bigint, duplicates bigint, valid bigint)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN round(((100.0 * (valid)::numeric) / NULLIF(GREATEST(gold.whole_readings(expected), ((received - duplicates))::numeric), (0)::numeric)), 1);
COMMENT ON FUNCTION gold.quality_score(numeric,bigint,bigint,bigint) IS 'Score 0 to 100: valid readings, of those that were expected or (where more came) that came; duplicates do not count. NULL: nothing expected, nothing came.';

CREATE OR REPLACE FUNCTION gold.missing_readings(expected numeric, received bigint, duplicates bigint)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (expected IS NOT NULL) THEN GREATEST((gold.whole_readings(expected) - ((received - duplicates))::numeric), (0)::numeric) ELSE NULL::numeric END;
COMMENT ON FUNCTION gold.missing_readings(numeric,bigint,bigint) IS 'How many of the readings that were expected did not come; duplicates do not count. NULL: nothing is expected, as no interval is registered.';

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
  newest timestamp with time zone,
  removed_at timestamp with time zone,
  understood bigint DEFAULT 0 NOT NULL,
  empty bigint DEFAULT 0 NOT NULL,
  readings bigint DEFAULT 0 NOT NULL,
  refused bigint DEFAULT 0 NOT NULL,
  archived_at timestamp with time zone,
  archived_bytes bigint,
  archive_key text,
  archive_sha256 text,
  archive_checksum text,
  verified_bytes bigint,
  verified_at timestamp with time zone,
  CONSTRAINT raw_file_pkey PRIMARY KEY (collector, path),
  CONSTRAINT raw_file_archive_is_whole CHECK ((num_nulls(archived_at, archived_bytes, archive_key, archive_sha256, archive_checksum) = ANY (ARRAY[0, 5]))),
  CONSTRAINT raw_file_bytes_check CHECK ((bytes >= 0)),
  CONSTRAINT raw_file_lines_add_up CHECK ((lines = ((understood + rejected) + empty))),
  CONSTRAINT raw_file_readings_add_up CHECK ((readings = (((stored + duplicates) + conflicts) + refused)))
);
COMMENT ON TABLE bronze.raw_file IS 'The ledger: one row per collector and raw file, written in the transaction that stores the rows.';
COMMENT ON COLUMN bronze.raw_file.collector IS 'Name of the data folder that holds the file (the content of its collector_id).';
COMMENT ON COLUMN bronze.raw_file.path IS 'Path below data/raw; absolute for a file that was replayed from elsewhere.';
COMMENT ON COLUMN bronze.raw_file.bytes IS 'The file is loaded up to this byte; always the end of a line.';
COMMENT ON COLUMN bronze.raw_file.first_line_hash IS 'SHA-256 (hex) of the first line: tells a file from another one that took its name.';
COMMENT ON COLUMN bronze.raw_file.lines IS 'Lines loaded: understood + rejected + empty.';
COMMENT ON COLUMN bronze.raw_file.stored IS 'Readings that became a row of silver.sensor_reading.';
COMMENT ON COLUMN bronze.raw_file.duplicates IS 'Readings whose sensor, time and value were there already.';
COMMENT ON COLUMN bronze.raw_file.conflicts IS 'Readings whose sensor and time were there with another value: see silver.conflicting_reading.';
COMMENT ON COLUMN bronze.raw_file.rejected IS 'Lines that are not understood: see silver.rejected_line.';
COMMENT ON COLUMN bronze.raw_file.loaded_at IS 'When a batch last moved this row.';
COMMENT ON COLUMN bronze.raw_file.newest IS 'The newest reading, to the second, that was recorded before byte `bytes` of the file: what is much older and comes after it is late.';
COMMENT ON COLUMN bronze.raw_file.removed_at IS 'When the file was removed because it was older than RAW_RETENTION_DAYS; NULL: it is there, or somebody else has removed it.';
COMMENT ON COLUMN bronze.raw_file.understood IS 'Lines that hold readings.';
COMMENT ON COLUMN bronze.raw_file.empty IS 'Lines that are understood and hold no reading, such as a status.';
COMMENT ON COLUMN bronze.raw_file.readings IS 'Readings of the lines: stored + duplicates + conflicts + refused.';
COMMENT ON COLUMN bronze.raw_file.refused IS 'Readings that cannot be stored: see silver.rejected_line.';
COMMENT ON COLUMN bronze.raw_file.archived_at IS 'When the file was last copied to object storage (ARCHIVE_URL), and seen to be there; NULL: it is not there.';
COMMENT ON COLUMN bronze.raw_file.archived_bytes IS 'The object holds the file up to this byte; less than `bytes`: it waits to be copied anew.';
COMMENT ON COLUMN bronze.raw_file.archive_key IS 'The object, below the prefix of ARCHIVE_URL.';
COMMENT ON COLUMN bronze.raw_file.archive_sha256 IS 'SHA-256 (hex) of the object.';
COMMENT ON COLUMN bronze.raw_file.archive_checksum IS 'The SHA-256 as the object storage says it: base64, of an object in parts the hash of their hashes and how many they are.';
COMMENT ON COLUMN bronze.raw_file.verified_bytes IS 'Up to this byte `sluice verify --changed` last found nothing amiss; other than `bytes`: it has yet to look.';
COMMENT ON COLUMN bronze.raw_file.verified_at IS 'When that was.';

CREATE TABLE bronze.writer (
  collector text NOT NULL,
  epoch bigint NOT NULL,
  token text NOT NULL,
  claimed_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT writer_pkey PRIMARY KEY (collector)
);
COMMENT ON TABLE bronze.writer IS 'Which process loads for a collector: one that had the data folder before, or has a copy of it, is refused.';
COMMENT ON COLUMN bronze.writer.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.writer.epoch IS 'How often the data folder had been taken by a collector then.';
COMMENT ON COLUMN bronze.writer.token IS 'Tells the process from another one of the same epoch, which has a copy of the data folder.';
COMMENT ON COLUMN bronze.writer.claimed_at IS 'When it said so.';

CREATE TABLE bronze.topics_file (
  hash text NOT NULL,
  text text NOT NULL,
  first_used_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT topics_file_pkey PRIMARY KEY (hash)
);
COMMENT ON TABLE bronze.topics_file IS 'Topics files with which lines were decoded, presets written out.';
COMMENT ON COLUMN bronze.topics_file.hash IS 'SHA-256 (hex) of the text.';
COMMENT ON COLUMN bronze.topics_file.text IS 'What the file says, as JSON.';
COMMENT ON COLUMN bronze.topics_file.first_used_at IS 'When a collector first loaded with it.';

CREATE TABLE bronze.decoded_with (
  collector text NOT NULL,
  path text NOT NULL,
  from_byte bigint NOT NULL,
  hash text NOT NULL,
  CONSTRAINT decoded_with_pkey PRIMARY KEY (collector, path, from_byte),
  CONSTRAINT decoded_with_collector_path_fkey FOREIGN KEY (collector, path) REFERENCES bronze.raw_file(collector, path) ON UPDATE CASCADE,
  CONSTRAINT decoded_with_hash_fkey FOREIGN KEY (hash) REFERENCES bronze.topics_file(hash),
  CONSTRAINT decoded_with_from_byte_check CHECK ((from_byte >= 0))
);
COMMENT ON TABLE bronze.decoded_with IS 'With which topics file the lines of a raw file of a topic were decoded: a row for the beginning and one for each change.';
COMMENT ON COLUMN bronze.decoded_with.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.decoded_with.path IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.decoded_with.from_byte IS 'From this byte on, up to that of the next row.';
COMMENT ON COLUMN bronze.decoded_with.hash IS 'See bronze.topics_file.';

CREATE TABLE bronze.rejected_file (
  collector text NOT NULL,
  day date NOT NULL,
  bytes bigint NOT NULL,
  archived_at timestamp with time zone,
  archived_bytes bigint,
  archive_key text,
  archive_sha256 text,
  archive_checksum text,
  CONSTRAINT rejected_file_pkey PRIMARY KEY (collector, day),
  CONSTRAINT rejected_file_archive_is_whole CHECK ((num_nulls(archived_at, archived_bytes, archive_key, archive_sha256, archive_checksum) = ANY (ARRAY[0, 5]))),
  CONSTRAINT rejected_file_bytes_check CHECK ((bytes >= 0))
);
COMMENT ON TABLE bronze.rejected_file IS 'How far each file of rejected messages (data/rejected) is counted in silver.rejected_message.';
COMMENT ON COLUMN bronze.rejected_file.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.rejected_file.day IS 'UTC date of the file.';
COMMENT ON COLUMN bronze.rejected_file.bytes IS 'Counted up to this byte.';
COMMENT ON COLUMN bronze.rejected_file.archived_at IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.rejected_file.archived_bytes IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.rejected_file.archive_key IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.rejected_file.archive_sha256 IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.rejected_file.archive_checksum IS 'See bronze.raw_file.';

CREATE TABLE bronze.outlet (
  outlet text NOT NULL,
  collector text NOT NULL,
  sends text NOT NULL,
  sent bigint DEFAULT 0 NOT NULL,
  skipped bigint DEFAULT 0 NOT NULL,
  sent_at timestamp with time zone,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  retired_at timestamp with time zone,
  holder text,
  held_until timestamp with time zone,
  refused bigint DEFAULT 0 NOT NULL,
  CONSTRAINT outlet_pkey PRIMARY KEY (outlet, collector),
  CONSTRAINT outlet_sends_check CHECK ((sends = ANY (ARRAY['readings'::text, 'means'::text])))
);
COMMENT ON TABLE bronze.outlet IS 'The outlets of OUTLETS_FILE: one row per outlet and collector; of one that sends means, one row for all collectors.';
COMMENT ON COLUMN bronze.outlet.outlet IS 'Its name.';
COMMENT ON COLUMN bronze.outlet.collector IS 'See bronze.raw_file; empty where all collectors share it.';
COMMENT ON COLUMN bronze.outlet.sends IS 'readings, or one-minute means.';
COMMENT ON COLUMN bronze.outlet.sent IS 'Messages that the consumer has confirmed, those that were sent again included.';
COMMENT ON COLUMN bronze.outlet.skipped IS 'Lines (or means) that were forgotten by retention before the consumer took them.';
COMMENT ON COLUMN bronze.outlet.sent_at IS 'When it last confirmed some.';
COMMENT ON COLUMN bronze.outlet.created_at IS 'When the outlet was first seen.';
COMMENT ON COLUMN bronze.outlet.retired_at IS 'Since when the outlets file does not have it; NULL: it has.';
COMMENT ON COLUMN bronze.outlet.holder IS 'The collector that sends, where all share the outlet.';
COMMENT ON COLUMN bronze.outlet.held_until IS 'Until then no other one does, unless it says so again.';
COMMENT ON COLUMN bronze.outlet.refused IS 'Messages that the consumer has refused: they are dead letters, in the data folder.';

CREATE TABLE bronze.outlet_file (
  outlet text NOT NULL,
  collector text NOT NULL,
  path text NOT NULL,
  bytes bigint NOT NULL,
  lines bigint NOT NULL,
  CONSTRAINT outlet_file_pkey PRIMARY KEY (outlet, collector, path),
  CONSTRAINT outlet_file_collector_path_fkey FOREIGN KEY (collector, path) REFERENCES bronze.raw_file(collector, path) ON UPDATE CASCADE,
  CONSTRAINT outlet_file_outlet_collector_fkey FOREIGN KEY (outlet, collector) REFERENCES bronze.outlet(outlet, collector) ON DELETE CASCADE,
  CONSTRAINT outlet_file_bytes_check CHECK ((bytes >= 0)),
  CONSTRAINT outlet_file_lines_check CHECK ((lines >= 0))
);
COMMENT ON TABLE bronze.outlet_file IS 'How far each outlet has sent each raw file. No row: nothing of it.';
COMMENT ON COLUMN bronze.outlet_file.outlet IS 'See bronze.outlet.';
COMMENT ON COLUMN bronze.outlet_file.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.outlet_file.path IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.outlet_file.bytes IS 'It has sent what stands before this byte; always the end of a line.';
COMMENT ON COLUMN bronze.outlet_file.lines IS 'Lines before that.';

CREATE TABLE bronze.lake_file (
  object text NOT NULL,
  collector text NOT NULL,
  source text NOT NULL,
  decoded_with text NOT NULL,
  key text NOT NULL,
  sha256 text NOT NULL,
  bytes bigint NOT NULL,
  readings bigint NOT NULL,
  made_at timestamp with time zone DEFAULT now() NOT NULL,
  listed_at timestamp with time zone,
  CONSTRAINT lake_file_pkey PRIMARY KEY (object)
);
COMMENT ON TABLE bronze.lake_file IS 'The decoded readings of archived raw files, which stand in the archive for the lake (LAKE).';
COMMENT ON COLUMN bronze.lake_file.object IS 'The archived file: archive_key of bronze.raw_file.';
COMMENT ON COLUMN bronze.lake_file.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.lake_file.source IS 'What was decoded: archive_checksum of bronze.raw_file then.';
COMMENT ON COLUMN bronze.lake_file.decoded_with IS 'By what: the form of the file, and the topics files (bronze.decoded_with) from which byte on.';
COMMENT ON COLUMN bronze.lake_file.key IS 'The object, below the prefix of ARCHIVE_URL.';
COMMENT ON COLUMN bronze.lake_file.sha256 IS 'SHA-256 (hex) of the object.';
COMMENT ON COLUMN bronze.lake_file.bytes IS 'Its size.';
COMMENT ON COLUMN bronze.lake_file.readings IS 'Its rows.';
COMMENT ON COLUMN bronze.lake_file.made_at IS 'When it was written.';
COMMENT ON COLUMN bronze.lake_file.listed_at IS 'When the list of its date and collector last named it as it is; NULL: not yet.';

CREATE TABLE bronze.lake_day (
  day date NOT NULL,
  changed_at timestamp with time zone NOT NULL,
  made_of timestamp with time zone,
  made_at timestamp with time zone,
  held_until timestamp with time zone,
  CONSTRAINT lake_day_pkey PRIMARY KEY (day)
);
COMMENT ON TABLE bronze.lake_day IS 'Days of readings: of each the archive has, or is to have, what only the database knows (LAKE).';
COMMENT ON COLUMN bronze.lake_day.day IS 'UTC date of the readings.';
COMMENT ON COLUMN bronze.lake_day.changed_at IS 'When something of it was last recomputed by a refresh, or came into the archive.';
COMMENT ON COLUMN bronze.lake_day.made_of IS 'What the archive has is as of this changed_at; NULL: it has nothing.';
COMMENT ON COLUMN bronze.lake_day.made_at IS 'When that was written.';
COMMENT ON COLUMN bronze.lake_day.held_until IS 'Until then a collector is at work on it.';

CREATE TABLE silver.sensor (
  sensor_id character varying(200) NOT NULL,
  quantity text,
  unit text,
  location text,
  min_value double precision,
  max_value double precision,
  expected_interval interval,
  max_step_per_s double precision,
  max_stuck interval,
  attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
  name text,
  topic text,
  registered_by text DEFAULT 'person'::text NOT NULL,
  CONSTRAINT sensor_pkey PRIMARY KEY (sensor_id),
  CONSTRAINT sensor_attributes_check CHECK ((jsonb_typeof(attributes) = 'object'::text)),
  CONSTRAINT sensor_expected_interval_check CHECK ((expected_interval > '00:00:00'::interval)),
  CONSTRAINT sensor_max_step_per_s_check CHECK ((max_step_per_s > (0)::double precision)),
  CONSTRAINT sensor_max_stuck_check CHECK ((max_stuck > '00:00:00'::interval)),
  CONSTRAINT sensor_range_not_empty CHECK ((min_value <= max_value)),
  CONSTRAINT sensor_registered_by_check CHECK ((registered_by = ANY (ARRAY['person'::text, 'topics'::text])))
);
COMMENT ON TABLE silver.sensor IS 'The sensor registry: upserted from db/sensors.csv when the collector starts, and sensors that the topics file has found.';
COMMENT ON COLUMN silver.sensor.sensor_id IS 'The id that the sensor sends.';
COMMENT ON COLUMN silver.sensor.quantity IS 'What is measured, such as temperature; NULL: nobody has said.';
COMMENT ON COLUMN silver.sensor.unit IS 'Unit of the values; NULL: nobody has said.';
COMMENT ON COLUMN silver.sensor.location IS 'Where the sensor is.';
COMMENT ON COLUMN silver.sensor.min_value IS 'The least plausible value; below it a reading is out_of_range. NULL: no limit.';
COMMENT ON COLUMN silver.sensor.max_value IS 'The greatest plausible value; above it a reading is out_of_range. NULL: no limit.';
COMMENT ON COLUMN silver.sensor.expected_interval IS 'Time between two readings of a healthy sensor. NULL: readings come when they come.';
COMMENT ON COLUMN silver.sensor.max_step_per_s IS 'The fastest plausible change of the value, in its unit per second; a faster one is a jump. NULL: no limit.';
COMMENT ON COLUMN silver.sensor.max_stuck IS 'How long a healthy sensor may repeat one value; after that it is stuck. NULL: for ever.';
COMMENT ON COLUMN silver.sensor.attributes IS 'Whatever else is known about the sensor, as a JSON object.';
COMMENT ON COLUMN silver.sensor.name IS 'What people call the sensor.';
COMMENT ON COLUMN silver.sensor.topic IS 'The MQTT topic on which it was first found; NULL: its messages name their sensor themselves.';
COMMENT ON COLUMN silver.sensor.registered_by IS 'person: what messages say fills in what is missing and overwrites nothing; topics: registered by the topics file, and follows it.';

CREATE TABLE silver.sensor_reading (
  "time" timestamp with time zone NOT NULL,
  sensor_id character varying(200) NOT NULL,
  value double precision NOT NULL,
  quality text NOT NULL,
  late boolean DEFAULT false NOT NULL,
  stuck boolean DEFAULT false NOT NULL,
  jump boolean DEFAULT false NOT NULL,
  inexact boolean DEFAULT false NOT NULL,
  CONSTRAINT sensor_reading_pkey PRIMARY KEY (sensor_id, "time"),
  CONSTRAINT sensor_reading_quality_check CHECK ((quality = ANY (ARRAY['valid'::text, 'out_of_range'::text, 'unknown_sensor'::text])))
);
CREATE INDEX sensor_reading_time_idx ON silver.sensor_reading USING btree ("time" DESC);
COMMENT ON TABLE silver.sensor_reading IS 'Every reading, once. The key is (sensor_id, time): what arrives twice is stored once.';
COMMENT ON COLUMN silver.sensor_reading."time" IS 'When the sensor measured, to the microsecond.';
COMMENT ON COLUMN silver.sensor_reading.sensor_id IS 'The id that the sensor sent; see silver.sensor.';
COMMENT ON COLUMN silver.sensor_reading.value IS 'The value as sent, in the unit of silver.sensor.';
COMMENT ON COLUMN silver.sensor_reading.quality IS 'valid; out_of_range: outside min_value..max_value of silver.sensor; unknown_sensor: not in silver.sensor.';
COMMENT ON COLUMN silver.sensor_reading.late IS 'It was recorded after a reading of the same sensor that is more than LATE_MINUTES newer.';
COMMENT ON COLUMN silver.sensor_reading.stuck IS 'The sensor has repeated this value for longer than max_stuck of silver.sensor. Judged by the refresh, every 60 seconds.';
COMMENT ON COLUMN silver.sensor_reading.jump IS 'It differs from the last valid reading by more than max_step_per_s of silver.sensor allows. Judged by the refresh, every 60 seconds.';
COMMENT ON COLUMN silver.sensor_reading.inexact IS 'The value that was sent is a whole number beyond 2^53, or one close to 0, that no double holds: this is the nearest one, and the raw file has its digits.';

CREATE TABLE silver.rejected_line (
  collector text NOT NULL,
  path text NOT NULL,
  byte_offset bigint NOT NULL,
  reason text NOT NULL,
  line text NOT NULL,
  rejected_at timestamp with time zone DEFAULT now() NOT NULL,
  "time" timestamp with time zone,
  sensor_id character varying(200),
  reading integer DEFAULT 0 NOT NULL,
  CONSTRAINT rejected_line_pkey PRIMARY KEY (collector, path, byte_offset, reading),
  CONSTRAINT rejected_line_collector_path_fkey FOREIGN KEY (collector, path) REFERENCES bronze.raw_file(collector, path) ON UPDATE CASCADE,
  CONSTRAINT rejected_line_reading_check CHECK ((reading >= 0))
);
CREATE INDEX rejected_line_key_idx ON silver.rejected_line USING btree (sensor_id, "time");
COMMENT ON TABLE silver.rejected_line IS 'Lines of raw files that are not understood, and readings of lines that cannot be stored, with the reason.';
COMMENT ON COLUMN silver.rejected_line.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN silver.rejected_line.path IS 'See bronze.raw_file.';
COMMENT ON COLUMN silver.rejected_line.byte_offset IS 'Where the line begins in the file.';
COMMENT ON COLUMN silver.rejected_line.reason IS 'Why it cannot be stored; a SQLSTATE where the database refused it.';
COMMENT ON COLUMN silver.rejected_line.line IS 'The line, or the reading; bytes that are not text are shown as U+FFFD, the raw file has the originals.';
COMMENT ON COLUMN silver.rejected_line.rejected_at IS 'When it was rejected.';
COMMENT ON COLUMN silver.rejected_line."time" IS 'When the sensor measured, where the line says so.';
COMMENT ON COLUMN silver.rejected_line.sensor_id IS 'The id that the sensor sent, where the line says so.';
COMMENT ON COLUMN silver.rejected_line.reading IS 'Which reading of the line cannot be stored, from 1; 0: the line is not understood.';

CREATE TABLE silver.conflicting_reading (
  "time" timestamp with time zone NOT NULL,
  sensor_id character varying(200) NOT NULL,
  stored_value double precision NOT NULL,
  conflicting_value double precision NOT NULL,
  collector text NOT NULL,
  path text NOT NULL,
  byte_offset bigint NOT NULL,
  found_at timestamp with time zone DEFAULT now() NOT NULL,
  reading integer DEFAULT 1 NOT NULL,
  CONSTRAINT conflicting_reading_pkey PRIMARY KEY (collector, path, byte_offset, reading),
  CONSTRAINT conflicting_reading_collector_path_fkey FOREIGN KEY (collector, path) REFERENCES bronze.raw_file(collector, path) ON UPDATE CASCADE,
  CONSTRAINT conflicting_reading_reading_check CHECK ((reading > 0))
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
COMMENT ON COLUMN silver.conflicting_reading.reading IS 'Which reading of the line it is, from 1.';

CREATE TABLE silver.seen_sensor (
  sensor_id character varying(200) NOT NULL,
  seen_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT seen_sensor_pkey PRIMARY KEY (sensor_id)
);
COMMENT ON TABLE silver.seen_sensor IS 'Every sensor that silver.sensor_reading has readings of, registered or not.';
COMMENT ON COLUMN silver.seen_sensor.sensor_id IS 'The id that the sensor sent.';
COMMENT ON COLUMN silver.seen_sensor.seen_at IS 'When its first reading was stored.';

CREATE TABLE silver.duplicate_minute (
  bucket timestamp with time zone NOT NULL,
  sensor_id character varying(200) NOT NULL,
  n bigint NOT NULL,
  loaded_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT duplicate_minute_n_check CHECK ((n > 0))
);
CREATE INDEX duplicate_minute_idx ON silver.duplicate_minute USING btree (sensor_id, bucket);
COMMENT ON TABLE silver.duplicate_minute IS 'Lines whose sensor, time and value were in silver.sensor_reading already, counted by sensor, minute and load; since Sluice counts them by minute.';
COMMENT ON COLUMN silver.duplicate_minute.bucket IS 'The minute of the readings, by its start.';
COMMENT ON COLUMN silver.duplicate_minute.sensor_id IS 'The id that the sensor sent.';
COMMENT ON COLUMN silver.duplicate_minute.n IS 'How many duplicates this load met.';
COMMENT ON COLUMN silver.duplicate_minute.loaded_at IS 'When they were met.';

CREATE TABLE silver.rejected_message (
  day date NOT NULL,
  topic text NOT NULL,
  reason text NOT NULL,
  collector text NOT NULL,
  count bigint NOT NULL,
  last_at timestamp with time zone NOT NULL,
  last_example text NOT NULL,
  CONSTRAINT rejected_message_pkey PRIMARY KEY (day, topic, reason, collector),
  CONSTRAINT rejected_message_count_check CHECK ((count > 0))
);
COMMENT ON TABLE silver.rejected_message IS 'Messages that were acknowledged and not recorded as readings, counted by UTC day of their arrival, topic and reason; data/rejected has each of them.';
COMMENT ON COLUMN silver.rejected_message.day IS 'UTC date of their arrival.';
COMMENT ON COLUMN silver.rejected_message.topic IS 'The MQTT topic; "(other topics)" where a day has more than 10,000 of them.';
COMMENT ON COLUMN silver.rejected_message.reason IS 'Why they are not readings.';
COMMENT ON COLUMN silver.rejected_message.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN silver.rejected_message.count IS 'How many.';
COMMENT ON COLUMN silver.rejected_message.last_at IS 'When the last of them arrived.';
COMMENT ON COLUMN silver.rejected_message.last_example IS 'The beginning of the last one.';

CREATE VIEW silver.latest_reading AS
 SELECT seen.sensor_id,
    r."time",
    r.value,
    s.unit,
    s.quantity,
    s.location,
    r.quality,
    r.late,
    r.stuck,
    r.jump
   FROM silver.seen_sensor seen
     CROSS JOIN LATERAL ( SELECT sensor_reading."time",
            sensor_reading.sensor_id,
            sensor_reading.value,
            sensor_reading.quality,
            sensor_reading.late,
            sensor_reading.stuck,
            sensor_reading.jump
           FROM silver.sensor_reading
          WHERE sensor_reading.sensor_id::text = seen.sensor_id::text AND sensor_reading."time" <= now()
          ORDER BY sensor_reading."time" DESC
         LIMIT 1) r
     LEFT JOIN silver.sensor s ON s.sensor_id::text = seen.sensor_id::text;
COMMENT ON VIEW silver.latest_reading IS 'The newest reading of each sensor, registered or not, up to now: what is ahead of the clock has to wait for its time.';
COMMENT ON COLUMN silver.latest_reading.sensor_id IS 'The id that the sensor sent.';
COMMENT ON COLUMN silver.latest_reading."time" IS 'When the sensor measured.';
COMMENT ON COLUMN silver.latest_reading.value IS 'The value as sent.';
COMMENT ON COLUMN silver.latest_reading.unit IS 'Unit of the value; NULL: the sensor is not registered.';
COMMENT ON COLUMN silver.latest_reading.quantity IS 'What is measured.';
COMMENT ON COLUMN silver.latest_reading.location IS 'Where the sensor is.';
COMMENT ON COLUMN silver.latest_reading.quality IS 'valid, out_of_range or unknown_sensor; see silver.sensor_reading.';
COMMENT ON COLUMN silver.latest_reading.late IS 'See silver.sensor_reading.';
COMMENT ON COLUMN silver.latest_reading.stuck IS 'See silver.sensor_reading.';
COMMENT ON COLUMN silver.latest_reading.jump IS 'See silver.sensor_reading.';

CREATE VIEW silver.silent_sensor AS
 SELECT s.sensor_id,
    s.quantity,
    s.location,
    s.expected_interval,
    r."time" AS last_time,
    now() - r."time" AS silent_for
   FROM silver.sensor s
     LEFT JOIN LATERAL ( SELECT sensor_reading."time"
           FROM silver.sensor_reading
          WHERE sensor_reading.sensor_id::text = s.sensor_id::text AND sensor_reading."time" <= now()
          ORDER BY sensor_reading."time" DESC
         LIMIT 1) r ON true
  WHERE s.expected_interval IS NOT NULL AND (r."time" IS NULL OR r."time" < (now() - 3::double precision * s.expected_interval));
COMMENT ON VIEW silver.silent_sensor IS 'Registered sensors with an expected_interval that have sent nothing for three of their intervals.';
COMMENT ON COLUMN silver.silent_sensor.sensor_id IS 'See silver.sensor.';
COMMENT ON COLUMN silver.silent_sensor.quantity IS 'What is measured.';
COMMENT ON COLUMN silver.silent_sensor.location IS 'Where the sensor is.';
COMMENT ON COLUMN silver.silent_sensor.expected_interval IS 'See silver.sensor.';
COMMENT ON COLUMN silver.silent_sensor.last_time IS 'Time of its newest reading; NULL: it has never sent one.';
COMMENT ON COLUMN silver.silent_sensor.silent_for IS 'How long ago that was.';

CREATE VIEW silver.reading AS
 SELECT r."time",
    r.sensor_id,
    s.name,
    r.value,
    s.unit,
    s.quantity,
    s.location,
    r.late,
    r.stuck,
    r.jump
   FROM silver.sensor_reading r
     LEFT JOIN silver.sensor s ON s.sensor_id::text = r.sensor_id::text
  WHERE r.quality = 'valid'::text;
COMMENT ON VIEW silver.reading IS 'The valid readings, each with what the registry says of its sensor. All readings are in silver.sensor_reading.';
COMMENT ON COLUMN silver.reading."time" IS 'When the sensor measured.';
COMMENT ON COLUMN silver.reading.sensor_id IS 'The id that the sensor sent.';
COMMENT ON COLUMN silver.reading.name IS 'What people call the sensor.';
COMMENT ON COLUMN silver.reading.value IS 'The value as sent.';
COMMENT ON COLUMN silver.reading.unit IS 'Unit of the value.';
COMMENT ON COLUMN silver.reading.quantity IS 'What is measured.';
COMMENT ON COLUMN silver.reading.location IS 'Where the sensor is.';
COMMENT ON COLUMN silver.reading.late IS 'See silver.sensor_reading.';
COMMENT ON COLUMN silver.reading.stuck IS 'See silver.sensor_reading.';
COMMENT ON COLUMN silver.reading.jump IS 'See silver.sensor_reading.';

CREATE TABLE gold.reading_1min_mean (
  bucket timestamp with time zone NOT NULL,
  sensor_id character varying(200) NOT NULL,
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

CREATE TABLE gold.hourly_mean (
  bucket timestamp with time zone NOT NULL,
  sensor_id character varying(200) NOT NULL,
  val_mean double precision NOT NULL,
  val_min double precision NOT NULL,
  val_max double precision NOT NULL,
  n bigint NOT NULL,
  CONSTRAINT hourly_mean_pkey PRIMARY KEY (bucket, sensor_id)
);
CREATE INDEX hourly_mean_sensor_idx ON gold.hourly_mean USING btree (sensor_id, bucket DESC);
COMMENT ON TABLE gold.hourly_mean IS 'Mean, least and greatest value of each sensor and hour, made of gold.reading_1min_mean in the same refresh; valid readings only.';
COMMENT ON COLUMN gold.hourly_mean.bucket IS 'The hour, by its start (UTC).';
COMMENT ON COLUMN gold.hourly_mean.sensor_id IS 'See silver.sensor.';
COMMENT ON COLUMN gold.hourly_mean.val_mean IS 'Arithmetic mean of the valid values.';
COMMENT ON COLUMN gold.hourly_mean.val_min IS 'Least valid value.';
COMMENT ON COLUMN gold.hourly_mean.val_max IS 'Greatest valid value.';
COMMENT ON COLUMN gold.hourly_mean.n IS 'How many valid readings the hour has.';

CREATE TABLE gold.daily_mean (
  bucket timestamp with time zone NOT NULL,
  sensor_id character varying(200) NOT NULL,
  val_mean double precision NOT NULL,
  val_min double precision NOT NULL,
  val_max double precision NOT NULL,
  n bigint NOT NULL,
  CONSTRAINT daily_mean_pkey PRIMARY KEY (bucket, sensor_id)
);
CREATE INDEX daily_mean_sensor_idx ON gold.daily_mean USING btree (sensor_id, bucket DESC);
COMMENT ON TABLE gold.daily_mean IS 'Mean, least and greatest value of each sensor and UTC day, made of gold.hourly_mean in the same refresh; valid readings only.';
COMMENT ON COLUMN gold.daily_mean.bucket IS 'The UTC day, by its start.';
COMMENT ON COLUMN gold.daily_mean.sensor_id IS 'See silver.sensor.';
COMMENT ON COLUMN gold.daily_mean.val_mean IS 'Arithmetic mean of the valid values.';
COMMENT ON COLUMN gold.daily_mean.val_min IS 'Least valid value.';
COMMENT ON COLUMN gold.daily_mean.val_max IS 'Greatest valid value.';
COMMENT ON COLUMN gold.daily_mean.n IS 'How many valid readings the day has.';

CREATE TABLE gold.data_quality_1min (
  bucket timestamp with time zone NOT NULL,
  sensor_id character varying(200) NOT NULL,
  expected numeric,
  received bigint NOT NULL,
  valid bigint NOT NULL,
  out_of_range bigint NOT NULL,
  unknown bigint NOT NULL,
  rejected bigint NOT NULL,
  duplicates bigint NOT NULL,
  conflicts bigint NOT NULL,
  late bigint NOT NULL,
  stuck bigint NOT NULL,
  jumps bigint NOT NULL,
  score numeric GENERATED ALWAYS AS (gold.quality_score(expected, received, duplicates, valid)) STORED,
  CONSTRAINT data_quality_1min_pkey PRIMARY KEY (bucket, sensor_id)
);
CREATE INDEX data_quality_1min_sensor_idx ON gold.data_quality_1min USING btree (sensor_id, bucket DESC);
COMMENT ON TABLE gold.data_quality_1min IS 'What came of each sensor in each minute. A sensor with an expected_interval has a row for each minute since it was first seen, also where nothing came.';
COMMENT ON COLUMN gold.data_quality_1min.bucket IS 'The minute, by its start (UTC).';
COMMENT ON COLUMN gold.data_quality_1min.sensor_id IS 'The id that the sensor sent; see silver.sensor.';
COMMENT ON COLUMN gold.data_quality_1min.expected IS 'How many readings expected_interval of silver.sensor lets expect, up to the last refresh; NULL: no interval is registered.';
COMMENT ON COLUMN gold.data_quality_1min.received IS 'Lines that came: valid + out_of_range + unknown + rejected + duplicates + conflicts.';
COMMENT ON COLUMN gold.data_quality_1min.valid IS 'Stored, of a registered sensor and within its range.';
COMMENT ON COLUMN gold.data_quality_1min.out_of_range IS 'Stored, outside min_value..max_value.';
COMMENT ON COLUMN gold.data_quality_1min.unknown IS 'Stored, of a sensor that was not registered.';
COMMENT ON COLUMN gold.data_quality_1min.rejected IS 'Not stored: see silver.rejected_line.';
COMMENT ON COLUMN gold.data_quality_1min.duplicates IS 'Came again with the same value; stored once.';
COMMENT ON COLUMN gold.data_quality_1min.conflicts IS 'Came again with another value: see silver.conflicting_reading.';
COMMENT ON COLUMN gold.data_quality_1min.late IS 'Of the stored ones, those that came late.';
COMMENT ON COLUMN gold.data_quality_1min.stuck IS 'Of the stored ones, those of a value that the sensor has repeated for too long.';
COMMENT ON COLUMN gold.data_quality_1min.jumps IS 'Of the stored ones, those that changed too fast.';
COMMENT ON COLUMN gold.data_quality_1min.score IS '0 to 100: valid, of those expected or (where more came) those that came. NULL: nothing expected, nothing came.';

CREATE TABLE gold.data_quality_hourly (
  bucket timestamp with time zone NOT NULL,
  sensor_id character varying(200) NOT NULL,
  expected numeric,
  received bigint NOT NULL,
  valid bigint NOT NULL,
  out_of_range bigint NOT NULL,
  unknown bigint NOT NULL,
  rejected bigint NOT NULL,
  duplicates bigint NOT NULL,
  conflicts bigint NOT NULL,
  late bigint NOT NULL,
  stuck bigint NOT NULL,
  jumps bigint NOT NULL,
  score numeric GENERATED ALWAYS AS (gold.quality_score(expected, received, duplicates, valid)) STORED,
  CONSTRAINT data_quality_hourly_pkey PRIMARY KEY (bucket, sensor_id)
);
CREATE INDEX data_quality_hourly_sensor_idx ON gold.data_quality_hourly USING btree (sensor_id, bucket DESC);
COMMENT ON TABLE gold.data_quality_hourly IS 'gold.data_quality_1min, added up by hour.';
COMMENT ON COLUMN gold.data_quality_hourly.bucket IS 'The hour, by its start (UTC).';
COMMENT ON COLUMN gold.data_quality_hourly.sensor_id IS 'The id that the sensor sent; see silver.sensor.';
COMMENT ON COLUMN gold.data_quality_hourly.expected IS 'How many readings expected_interval of silver.sensor lets expect, up to the last refresh; NULL: no interval is registered.';
COMMENT ON COLUMN gold.data_quality_hourly.received IS 'Lines that came: valid + out_of_range + unknown + rejected + duplicates + conflicts.';
COMMENT ON COLUMN gold.data_quality_hourly.valid IS 'Stored, of a registered sensor and within its range.';
COMMENT ON COLUMN gold.data_quality_hourly.out_of_range IS 'Stored, outside min_value..max_value.';
COMMENT ON COLUMN gold.data_quality_hourly.unknown IS 'Stored, of a sensor that was not registered.';
COMMENT ON COLUMN gold.data_quality_hourly.rejected IS 'Not stored: see silver.rejected_line.';
COMMENT ON COLUMN gold.data_quality_hourly.duplicates IS 'Came again with the same value; stored once.';
COMMENT ON COLUMN gold.data_quality_hourly.conflicts IS 'Came again with another value: see silver.conflicting_reading.';
COMMENT ON COLUMN gold.data_quality_hourly.late IS 'Of the stored ones, those that came late.';
COMMENT ON COLUMN gold.data_quality_hourly.stuck IS 'Of the stored ones, those of a value that the sensor has repeated for too long.';
COMMENT ON COLUMN gold.data_quality_hourly.jumps IS 'Of the stored ones, those that changed too fast.';
COMMENT ON COLUMN gold.data_quality_hourly.score IS '0 to 100: valid, of those expected or (where more came) those that came. NULL: nothing expected, nothing came.';

CREATE TABLE gold.data_quality_daily (
  bucket timestamp with time zone NOT NULL,
  sensor_id character varying(200) NOT NULL,
  expected numeric,
  received bigint NOT NULL,
  valid bigint NOT NULL,
  out_of_range bigint NOT NULL,
  unknown bigint NOT NULL,
  rejected bigint NOT NULL,
  duplicates bigint NOT NULL,
  conflicts bigint NOT NULL,
  late bigint NOT NULL,
  stuck bigint NOT NULL,
  jumps bigint NOT NULL,
  score numeric GENERATED ALWAYS AS (gold.quality_score(expected, received, duplicates, valid)) STORED,
  verdict text GENERATED ALWAYS AS (gold.quality_verdict(gold.quality_score(expected, received, duplicates, valid))) STORED,
  CONSTRAINT data_quality_daily_pkey PRIMARY KEY (bucket, sensor_id)
);
CREATE INDEX data_quality_daily_sensor_idx ON gold.data_quality_daily USING btree (sensor_id, bucket DESC);
COMMENT ON TABLE gold.data_quality_daily IS 'gold.data_quality_1min, added up by UTC day, with a verdict.';
COMMENT ON COLUMN gold.data_quality_daily.bucket IS 'The UTC day, by its start.';
COMMENT ON COLUMN gold.data_quality_daily.sensor_id IS 'The id that the sensor sent; see silver.sensor.';
COMMENT ON COLUMN gold.data_quality_daily.expected IS 'How many readings expected_interval of silver.sensor lets expect, up to the last refresh; NULL: no interval is registered.';
COMMENT ON COLUMN gold.data_quality_daily.received IS 'Lines that came: valid + out_of_range + unknown + rejected + duplicates + conflicts.';
COMMENT ON COLUMN gold.data_quality_daily.valid IS 'Stored, of a registered sensor and within its range.';
COMMENT ON COLUMN gold.data_quality_daily.out_of_range IS 'Stored, outside min_value..max_value.';
COMMENT ON COLUMN gold.data_quality_daily.unknown IS 'Stored, of a sensor that was not registered.';
COMMENT ON COLUMN gold.data_quality_daily.rejected IS 'Not stored: see silver.rejected_line.';
COMMENT ON COLUMN gold.data_quality_daily.duplicates IS 'Came again with the same value; stored once.';
COMMENT ON COLUMN gold.data_quality_daily.conflicts IS 'Came again with another value: see silver.conflicting_reading.';
COMMENT ON COLUMN gold.data_quality_daily.late IS 'Of the stored ones, those that came late.';
COMMENT ON COLUMN gold.data_quality_daily.stuck IS 'Of the stored ones, those of a value that the sensor has repeated for too long.';
COMMENT ON COLUMN gold.data_quality_daily.jumps IS 'Of the stored ones, those that changed too fast.';
COMMENT ON COLUMN gold.data_quality_daily.score IS '0 to 100: valid, of those expected or (where more came) those that came. NULL: nothing expected, nothing came.';
COMMENT ON COLUMN gold.data_quality_daily.verdict IS 'good: a score over 95; warning: 80 to 95; critical: below 80.';

CREATE TABLE gold.alert (
  alert_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  rule text NOT NULL,
  sensor_id character varying(200) NOT NULL,
  alert_group text NOT NULL,
  severity text NOT NULL,
  since timestamp with time zone NOT NULL,
  fired_at timestamp with time zone,
  clear_since timestamp with time zone,
  resolved_at timestamp with time zone,
  value double precision,
  summary text NOT NULL,
  told jsonb DEFAULT '{}'::jsonb NOT NULL,
  CONSTRAINT alert_pkey PRIMARY KEY (alert_id)
);
CREATE INDEX alert_resolved_idx ON gold.alert USING btree (resolved_at);
CREATE UNIQUE INDEX alert_active_idx ON gold.alert USING btree (rule, sensor_id) WHERE (resolved_at IS NULL);
COMMENT ON TABLE gold.alert IS 'Alerts about sensors, by the rules of ALERTS_FILE; evaluated after each refresh. Those about the pipeline are in the data folder (alerts.json).';
COMMENT ON COLUMN gold.alert.alert_id IS 'A number of its own.';
COMMENT ON COLUMN gold.alert.rule IS 'Name of the rule.';
COMMENT ON COLUMN gold.alert.sensor_id IS 'See silver.sensor.';
COMMENT ON COLUMN gold.alert.alert_group IS 'Alerts of one rule and group are told of together; empty: all of the rule.';
COMMENT ON COLUMN gold.alert.severity IS 'As the rule says.';
COMMENT ON COLUMN gold.alert.since IS 'Since when the rule has held.';
COMMENT ON COLUMN gold.alert.fired_at IS 'When it had held for long enough; NULL: it is pending.';
COMMENT ON COLUMN gold.alert.clear_since IS 'Since when it has not held any more; NULL: it holds.';
COMMENT ON COLUMN gold.alert.resolved_at IS 'When it had not held for long enough; NULL: it is not over.';
COMMENT ON COLUMN gold.alert.value IS 'What was measured last, such as a share, a mean or seconds.';
COMMENT ON COLUMN gold.alert.summary IS 'The same for a person.';
COMMENT ON COLUMN gold.alert.told IS 'What each receiver was told last: firing, or resolved.';

CREATE VIEW gold.daily_power AS
 SELECT bucket,
    location,
    val_mean[1] AS mean_voltage,
    val_mean[2] AS mean_current,
    val_mean[1] * val_mean[2] AS mean_power
   FROM ( SELECT d.bucket,
            s.location,
            ARRAY[sum(d.val_mean * d.n::double precision) FILTER (WHERE lower(s.quantity) = 'voltage'::text) / sum(d.n) FILTER (WHERE lower(s.quantity) = 'voltage'::text)::double precision, sum(d.val_mean * d.n::double precision) FILTER (WHERE lower(s.quantity) = 'current'::text) / sum(d.n) FILTER (WHERE lower(s.quantity) = 'current'::text)::double precision] AS val_mean
           FROM gold.daily_mean d
             JOIN silver.sensor s USING (sensor_id)
          WHERE (lower(s.quantity) = ANY (ARRAY['voltage'::text, 'current'::text])) AND s.location IS NOT NULL AND (d.val_mean = 0::double precision OR abs(d.val_mean) >= '1e-100'::double precision AND abs(d.val_mean) <= '1e+100'::double precision)
          GROUP BY d.bucket, s.location) site
  WHERE val_mean[1] IS NOT NULL AND val_mean[2] IS NOT NULL;
COMMENT ON VIEW gold.daily_power IS 'Mean voltage times mean current of each UTC day, for each location that has sensors of both quantities; valid readings only.';
COMMENT ON COLUMN gold.daily_power.bucket IS 'The UTC day, by its start.';
COMMENT ON COLUMN gold.daily_power.location IS 'The location that the sensors share in silver.sensor.';
COMMENT ON COLUMN gold.daily_power.mean_voltage IS 'Mean of the readings whose quantity is voltage, in their unit.';
COMMENT ON COLUMN gold.daily_power.mean_current IS 'Mean of the readings whose quantity is current, in their unit.';
COMMENT ON COLUMN gold.daily_power.mean_power IS 'Their product: watts where the units are volts and amperes.';

CREATE VIEW compat.sensors AS
 SELECT sensor_id,
    name,
    quantity AS type,
    unit,
    location,
    min_value,
    max_value
   FROM silver.sensor;
COMMENT ON VIEW compat.sensors IS 'silver.sensor.';

CREATE VIEW compat.measurements AS
 SELECT sensor_id,
    "time" AS "timestamp",
    value,
    quality AS quality_flag
   FROM silver.sensor_reading;
COMMENT ON VIEW compat.measurements IS 'silver.sensor_reading: valid, out_of_range and unknown_sensor.';

CREATE VIEW compat.latest_readings AS
 SELECT sensor_id,
    quantity AS type,
    unit,
    location,
    "time" AS "timestamp",
    value,
    quality AS quality_flag
   FROM silver.latest_reading;
COMMENT ON VIEW compat.latest_readings IS 'silver.latest_reading.';

CREATE VIEW compat.hourly_aggregates AS
 SELECT sensor_id,
    bucket AS hour,
    val_mean AS avg_value,
    val_min AS min_value,
    val_max AS max_value,
    n AS reading_count
   FROM gold.hourly_mean;
COMMENT ON VIEW compat.hourly_aggregates IS 'gold.hourly_mean; valid readings only.';
