-- Up Migration

-- What messages of other devices mean can be corrected, so it is kept what they meant when they were loaded.
CREATE TABLE bronze.topics_file (
  hash          text        PRIMARY KEY,
  text          text        NOT NULL,
  first_used_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE bronze.topics_file IS 'Topics files with which lines were decoded, presets written out.';
COMMENT ON COLUMN bronze.topics_file.hash IS 'SHA-256 (hex) of the text.';
COMMENT ON COLUMN bronze.topics_file.text IS 'What the file says, as JSON.';
COMMENT ON COLUMN bronze.topics_file.first_used_at IS 'When a collector first loaded with it.';

CREATE TABLE bronze.decoded_with (
  collector text   NOT NULL,
  path      text   NOT NULL,
  from_byte bigint NOT NULL CHECK (from_byte >= 0),
  hash      text   NOT NULL REFERENCES bronze.topics_file,
  PRIMARY KEY (collector, path, from_byte),
  FOREIGN KEY (collector, path) REFERENCES bronze.raw_file ON UPDATE CASCADE
);
COMMENT ON TABLE bronze.decoded_with IS 'With which topics file the lines of a raw file of a topic were decoded: a row for the beginning and one for each change.';
COMMENT ON COLUMN bronze.decoded_with.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.decoded_with.path IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.decoded_with.from_byte IS 'From this byte on, up to that of the next row.';
COMMENT ON COLUMN bronze.decoded_with.hash IS 'See bronze.topics_file.';

INSERT INTO sluice.writer_right (relation, rights) VALUES
  ('bronze.topics_file', 'INSERT'),
  ('bronze.decoded_with', 'INSERT, UPDATE, DELETE');
CALL sluice.grant_roles();

-- Down Migration

DELETE FROM sluice.writer_right WHERE relation IN ('bronze.topics_file', 'bronze.decoded_with');
DROP TABLE bronze.decoded_with, bronze.topics_file;
