-- Up Migration

CREATE TABLE bronze.lake_file (
  object       text        PRIMARY KEY,
  collector    text        NOT NULL,
  source       text        NOT NULL,
  decoded_with text        NOT NULL,
  key          text        NOT NULL,
  sha256       text        NOT NULL,
  bytes        bigint      NOT NULL,
  readings     bigint      NOT NULL,
  made_at      timestamptz NOT NULL DEFAULT now(),
  listed_at    timestamptz
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
  day        date        PRIMARY KEY,
  changed_at timestamptz NOT NULL,
  made_of    timestamptz,
  made_at    timestamptz,
  held_until timestamptz
);
COMMENT ON TABLE bronze.lake_day IS 'Days of readings: of each the archive has, or is to have, what only the database knows (LAKE).';
COMMENT ON COLUMN bronze.lake_day.day IS 'UTC date of the readings.';
COMMENT ON COLUMN bronze.lake_day.changed_at IS 'When something of it was last recomputed by a refresh, or came into the archive.';
COMMENT ON COLUMN bronze.lake_day.made_of IS 'What the archive has is as of this changed_at; NULL: it has nothing.';
COMMENT ON COLUMN bronze.lake_day.made_at IS 'When that was written.';
COMMENT ON COLUMN bronze.lake_day.held_until IS 'Until then a collector is at work on it.';

INSERT INTO bronze.lake_day (day, changed_at)
  SELECT DISTINCT (bucket AT TIME ZONE 'UTC')::date, now() FROM gold.data_quality_daily;

INSERT INTO sluice.writer_right (relation, rights) VALUES
  ('bronze.lake_file', 'INSERT, UPDATE, DELETE'),
  ('bronze.lake_day', 'INSERT, UPDATE');
CALL sluice.grant_roles();

-- Down Migration

DELETE FROM sluice.writer_right WHERE relation IN ('bronze.lake_file', 'bronze.lake_day');
DROP TABLE bronze.lake_file, bronze.lake_day;
