-- Up Migration

CREATE TABLE bronze.outlet (
  outlet     text        NOT NULL,
  collector  text        NOT NULL,
  sends      text        NOT NULL CHECK (sends IN ('readings', 'means')),
  sent       bigint      NOT NULL DEFAULT 0,
  skipped    bigint      NOT NULL DEFAULT 0,
  sent_at    timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  retired_at timestamptz,
  holder     text,
  held_until timestamptz,
  PRIMARY KEY (outlet, collector)
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

CREATE TABLE bronze.outlet_file (
  outlet    text   NOT NULL,
  collector text   NOT NULL,
  path      text   NOT NULL,
  bytes     bigint NOT NULL CHECK (bytes >= 0),
  lines     bigint NOT NULL CHECK (lines >= 0),
  PRIMARY KEY (outlet, collector, path),
  FOREIGN KEY (outlet, collector) REFERENCES bronze.outlet ON DELETE CASCADE,
  FOREIGN KEY (collector, path) REFERENCES bronze.raw_file ON UPDATE CASCADE
);
COMMENT ON TABLE bronze.outlet_file IS 'How far each outlet has sent each raw file. No row: nothing of it.';
COMMENT ON COLUMN bronze.outlet_file.outlet IS 'See bronze.outlet.';
COMMENT ON COLUMN bronze.outlet_file.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.outlet_file.path IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.outlet_file.bytes IS 'It has sent what stands before this byte; always the end of a line.';
COMMENT ON COLUMN bronze.outlet_file.lines IS 'Lines before that.';

CREATE TABLE sluice.mean_to_send (
  outlet    text         NOT NULL,
  bucket    timestamptz  NOT NULL,
  sensor_id varchar(200) NOT NULL,
  version   bigint       GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (outlet, bucket, sensor_id)
);
COMMENT ON TABLE sluice.mean_to_send IS 'Means of gold.reading_1min_mean that outlets are to send: a refresh adds them, who has sent one removes it.';
COMMENT ON COLUMN sluice.mean_to_send.outlet IS 'See bronze.outlet.';
COMMENT ON COLUMN sluice.mean_to_send.bucket IS 'See gold.reading_1min_mean.';
COMMENT ON COLUMN sluice.mean_to_send.sensor_id IS 'See gold.reading_1min_mean.';
COMMENT ON COLUMN sluice.mean_to_send.version IS 'Another one each time the mean is computed again.';

INSERT INTO sluice.writer_right (relation, rights) VALUES
  ('bronze.outlet', 'INSERT, UPDATE'),
  ('bronze.outlet_file', 'INSERT, UPDATE'),
  ('sluice.mean_to_send', 'INSERT, UPDATE, DELETE');
CALL sluice.grant_roles();

-- Down Migration

DELETE FROM sluice.writer_right WHERE relation IN ('bronze.outlet', 'bronze.outlet_file', 'sluice.mean_to_send');
DROP TABLE sluice.mean_to_send, bronze.outlet_file, bronze.outlet;
