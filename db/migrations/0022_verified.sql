-- Up Migration

ALTER TABLE bronze.raw_file ADD COLUMN verified_bytes bigint, ADD COLUMN verified_at timestamptz;
COMMENT ON COLUMN bronze.raw_file.verified_bytes IS 'Up to this byte `sluice verify --changed` last found nothing amiss; other than `bytes`: it has yet to look.';
COMMENT ON COLUMN bronze.raw_file.verified_at IS 'When that was.';

-- Down Migration

ALTER TABLE bronze.raw_file DROP COLUMN verified_bytes, DROP COLUMN verified_at;
