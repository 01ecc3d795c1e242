-- Up Migration

ALTER TABLE bronze.raw_file ADD COLUMN removed_at timestamptz;

COMMENT ON COLUMN bronze.raw_file.removed_at IS 'When the file was removed because it was older than RAW_RETENTION_DAYS; NULL: it is there, or somebody else has removed it.';

-- One row on purpose, and none while nothing was ever removed.
CREATE TABLE silver.retention (
  one            boolean PRIMARY KEY DEFAULT true CHECK (one),
  dropped_before timestamptz NOT NULL
    CHECK (dropped_before = date_trunc('day', dropped_before, 'UTC')),
  changed_at     timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE silver.retention IS 'From when on readings are kept; one row, once SILVER_RETENTION_DAYS was set.';
COMMENT ON COLUMN silver.retention.one IS 'Always true.';
COMMENT ON COLUMN silver.retention.dropped_before IS 'Readings before this UTC day are gone or go with the next night. What gold says of their minutes stays as it was.';
COMMENT ON COLUMN silver.retention.changed_at IS 'When that day was last moved.';

-- Whoever may declare readings as too old removes them by these, and nothing else: with no right to delete, none to own.
CREATE FUNCTION silver.forget_chunks() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  boundary timestamptz := (SELECT dropped_before FROM silver.retention);
  timescaledb text := (
    SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'timescaledb'
  );
  dropped bigint := 0;
BEGIN
  IF timescaledb IS NOT NULL AND boundary IS NOT NULL THEN
    EXECUTE format('SELECT count(*) FROM %s.drop_chunks(%L::regclass, older_than => $1)', timescaledb, 'silver.sensor_reading')
      INTO dropped USING boundary;
  END IF;
  RETURN dropped;
END
$$;

COMMENT ON FUNCTION silver.forget_chunks IS 'Drops the chunks of silver.sensor_reading that hold nothing but readings before dropped_before of silver.retention; returns how many. None on plain tables.';

CREATE FUNCTION silver.forget_rows(most bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  boundary timestamptz := (SELECT dropped_before FROM silver.retention);
  since    timestamptz := (SELECT min(time) FROM silver.sensor_reading);
  until    timestamptz;
  removed  bigint;
BEGIN
  IF since < boundary THEN
    -- By time, as rows of a hypertable have no number of their own.
    SELECT time INTO until FROM silver.sensor_reading
    WHERE time >= since AND time < boundary ORDER BY time OFFSET most - 1 LIMIT 1;
    DELETE FROM silver.sensor_reading WHERE time >= since AND time < boundary AND (until IS NULL OR time <= until);
  ELSIF EXISTS (SELECT FROM silver.conflicting_reading WHERE time < boundary) THEN
    DELETE FROM silver.conflicting_reading WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM silver.conflicting_reading WHERE time < boundary LIMIT most));
  ELSIF EXISTS (SELECT FROM silver.duplicate_minute WHERE bucket < boundary) THEN
    DELETE FROM silver.duplicate_minute WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM silver.duplicate_minute WHERE bucket < boundary LIMIT most));
  ELSE
    -- Where the line has no time, the name of its file has the day.
    DELETE FROM silver.rejected_line WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM silver.rejected_line
      WHERE time < boundary
        OR time IS NULL AND path ~ '^\d{4}-\d\d-\d\d_' AND left(path, 10) < to_char(boundary AT TIME ZONE 'UTC', 'YYYY-MM-DD')
      LIMIT most));
  END IF;
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

COMMENT ON FUNCTION silver.forget_rows IS 'Deletes about `most` of the readings, conflicts, duplicates and rejected lines before dropped_before of silver.retention; returns how many, 0 when none are left.';

REVOKE EXECUTE ON FUNCTION silver.forget_chunks, silver.forget_rows FROM PUBLIC;
INSERT INTO sluice.writer_right (relation, rights) VALUES
  ('silver.retention', 'INSERT, UPDATE'),
  ('silver.forget_chunks()', 'EXECUTE'),
  ('silver.forget_rows(bigint)', 'EXECUTE');
CALL sluice.grant_roles();

-- Down Migration

DROP FUNCTION silver.forget_rows, silver.forget_chunks;
DELETE FROM sluice.writer_right WHERE relation = 'silver.retention' OR relation LIKE 'silver.forget%';
DROP TABLE silver.retention;
ALTER TABLE bronze.raw_file DROP COLUMN removed_at;
