-- Up Migration

ALTER TABLE bronze.raw_file
  ADD COLUMN archived_at timestamptz,
  ADD COLUMN archived_bytes bigint,
  ADD COLUMN archive_key text,
  ADD COLUMN archive_sha256 text,
  ADD COLUMN archive_checksum text,
  ADD CONSTRAINT raw_file_archive_is_whole
    CHECK (num_nulls(archived_at, archived_bytes, archive_key, archive_sha256, archive_checksum) IN (0, 5));
COMMENT ON COLUMN bronze.raw_file.archived_at IS 'When the file was last copied to object storage (ARCHIVE_URL), and seen to be there; NULL: it is not there.';
COMMENT ON COLUMN bronze.raw_file.archived_bytes IS 'The object holds the file up to this byte; less than `bytes`: it waits to be copied anew.';
COMMENT ON COLUMN bronze.raw_file.archive_key IS 'The object, below the prefix of ARCHIVE_URL.';
COMMENT ON COLUMN bronze.raw_file.archive_sha256 IS 'SHA-256 (hex) of the object.';
COMMENT ON COLUMN bronze.raw_file.archive_checksum IS 'The SHA-256 as the object storage says it: base64, of an object in parts the hash of their hashes and how many they are.';

ALTER TABLE bronze.rejected_file
  ADD COLUMN archived_at timestamptz,
  ADD COLUMN archived_bytes bigint,
  ADD COLUMN archive_key text,
  ADD COLUMN archive_sha256 text,
  ADD COLUMN archive_checksum text,
  ADD CONSTRAINT rejected_file_archive_is_whole
    CHECK (num_nulls(archived_at, archived_bytes, archive_key, archive_sha256, archive_checksum) IN (0, 5));
COMMENT ON COLUMN bronze.rejected_file.archived_at IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.rejected_file.archived_bytes IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.rejected_file.archive_key IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.rejected_file.archive_sha256 IS 'See bronze.raw_file.';
COMMENT ON COLUMN bronze.rejected_file.archive_checksum IS 'See bronze.raw_file.';

-- Down Migration

ALTER TABLE bronze.rejected_file
  DROP COLUMN archived_at, DROP COLUMN archived_bytes, DROP COLUMN archive_key, DROP COLUMN archive_sha256,
  DROP COLUMN archive_checksum;
ALTER TABLE bronze.raw_file
  DROP COLUMN archived_at, DROP COLUMN archived_bytes, DROP COLUMN archive_key, DROP COLUMN archive_sha256,
  DROP COLUMN archive_checksum;
