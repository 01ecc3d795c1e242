-- Up Migration

CREATE TABLE bronze.rejected_file (
  collector text   NOT NULL,
  day       date   NOT NULL,
  bytes     bigint NOT NULL CHECK (bytes >= 0),
  PRIMARY KEY (collector, day)
);
COMMENT ON TABLE bronze.rejected_file IS 'How far each file of rejected messages (data/rejected) is counted in silver.rejected_message.';
COMMENT ON COLUMN bronze.rejected_file.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.rejected_file.day IS 'UTC date of the file.';
COMMENT ON COLUMN bronze.rejected_file.bytes IS 'Counted up to this byte.';

CREATE TABLE silver.rejected_message (
  day        date        NOT NULL,
  topic      text        NOT NULL,
  reason     text        NOT NULL,
  collector  text        NOT NULL,
  count      bigint      NOT NULL CHECK (count > 0),
  last_at    timestamptz NOT NULL,
  last_example text      NOT NULL,
  PRIMARY KEY (day, topic, reason, collector)
);
COMMENT ON TABLE silver.rejected_message IS 'Messages that were acknowledged and not recorded as readings, counted by UTC day of their arrival, topic and reason; data/rejected has each of them.';
COMMENT ON COLUMN silver.rejected_message.day IS 'UTC date of their arrival.';
COMMENT ON COLUMN silver.rejected_message.topic IS 'The MQTT topic; "(other topics)" where a day has more than 10,000 of them.';
COMMENT ON COLUMN silver.rejected_message.reason IS 'Why they are not readings.';
COMMENT ON COLUMN silver.rejected_message.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN silver.rejected_message.count IS 'How many.';
COMMENT ON COLUMN silver.rejected_message.last_at IS 'When the last of them arrived.';
COMMENT ON COLUMN silver.rejected_message.last_example IS 'The beginning of the last one.';

INSERT INTO sluice.writer_right (relation, rights) VALUES
  ('bronze.rejected_file', 'INSERT, UPDATE'),
  ('silver.rejected_message', 'INSERT, UPDATE');
CALL sluice.grant_roles();

-- Down Migration

DELETE FROM sluice.writer_right WHERE relation IN ('bronze.rejected_file', 'silver.rejected_message');
DROP TABLE silver.rejected_message, bronze.rejected_file;
