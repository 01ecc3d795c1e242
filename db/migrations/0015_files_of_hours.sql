-- Up Migration
-- A raw file may be of an hour, 2025-11-12T10_@@collector.jsonl: rejected lines without a time go with its day, too.

CREATE OR REPLACE FUNCTION sluice.forget_rows(most bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  boundary timestamptz := (SELECT dropped_before FROM sluice.retention);
  since    timestamptz := (SELECT min(time) FROM silver.sensor_reading);
  until    timestamptz;
  removed  bigint;
BEGIN
  PERFORM FROM sluice.retention FOR UPDATE;
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
        OR time IS NULL AND path ~ '^\d{4}-\d\d-\d\d[T_]' AND left(path, 10) < to_char(boundary AT TIME ZONE 'UTC', 'YYYY-MM-DD')
      LIMIT most));
  END IF;
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

-- Down Migration

CREATE OR REPLACE FUNCTION sluice.forget_rows(most bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  boundary timestamptz := (SELECT dropped_before FROM sluice.retention);
  since    timestamptz := (SELECT min(time) FROM silver.sensor_reading);
  until    timestamptz;
  removed  bigint;
BEGIN
  PERFORM FROM sluice.retention FOR UPDATE;
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
