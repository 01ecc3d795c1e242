-- Up Migration

ALTER TABLE bronze.outlet ADD COLUMN refused bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN bronze.outlet.refused IS 'Messages that the consumer has refused: they are dead letters, in the data folder.';

-- Down Migration

ALTER TABLE bronze.outlet DROP COLUMN refused;
