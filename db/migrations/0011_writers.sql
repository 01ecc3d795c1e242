-- Up Migration

CREATE TABLE bronze.writer (
  collector  text        PRIMARY KEY,
  epoch      bigint      NOT NULL,
  token      text        NOT NULL,
  claimed_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE bronze.writer IS 'Which process loads for a collector: one that had the data folder before, or has a copy of it, is refused.';
COMMENT ON COLUMN bronze.writer.collector IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.writer.epoch IS 'How often the data folder had been taken by a collector then.';
COMMENT ON COLUMN bronze.writer.token IS 'Tells the process from another one of the same epoch, which has a copy of the data folder.';
COMMENT ON COLUMN bronze.writer.claimed_at IS 'When it said so.';

INSERT INTO sluice.writer_right (relation, rights) VALUES ('bronze.writer', 'INSERT, UPDATE');
CALL sluice.grant_roles();

-- Down Migration

DELETE FROM sluice.writer_right WHERE relation = 'bronze.writer';
DROP TABLE bronze.writer;
