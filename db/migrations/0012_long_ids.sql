-- Up Migration

-- Ids that the topics file makes of topics may have 200 characters. A column of a view cannot change its type, so views are
-- made anew. TimescaleDB changes no column of a table that can be compressed: db/long-ids.ts has decompressed the chunks.
DO $$
DECLARE
  item           record;
  compress_after interval;
  compressible   boolean := false;
BEGIN
  CREATE TEMP TABLE saved_view ON COMMIT DROP AS
    SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.reloptions, pg_get_viewdef(c.oid) AS definition,
      obj_description(c.oid, 'pg_class') AS comment,
      ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 ORDER BY attnum) AS columns,
      ARRAY(SELECT col_description(c.oid, attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 ORDER BY attnum)
        AS column_comments
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'v' AND n.nspname IN ('bronze', 'silver', 'gold', 'compat', 'sluice');
  FOR item IN SELECT name FROM saved_view ORDER BY oid DESC LOOP
    EXECUTE 'DROP VIEW ' || item.name;
  END LOOP;

  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
    SELECT compression_enabled AND current_setting('timescaledb.license', true) = 'timescale' INTO compressible
    FROM timescaledb_information.hypertables WHERE hypertable_schema = 'silver' AND hypertable_name = 'sensor_reading';
    IF compressible THEN
      SELECT (config->>'compress_after')::interval INTO compress_after FROM timescaledb_information.jobs
      WHERE hypertable_schema = 'silver' AND hypertable_name = 'sensor_reading' AND config ? 'compress_after';
      PERFORM remove_compression_policy('silver.sensor_reading', if_exists => true);
      ALTER TABLE silver.sensor_reading SET (timescaledb.compress = false);
    END IF;
  END IF;

  FOR item IN
    SELECT format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attname = 'sensor_id' AND a.atttypid = 'varchar'::regtype AND a.atttypmod = 50 + 4 AND c.relkind IN ('r', 'p')
      AND n.nspname IN ('bronze', 'silver', 'gold', 'sluice')
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN sensor_id TYPE varchar(200)', item.name);
  END LOOP;

  IF compressible THEN
    ALTER TABLE silver.sensor_reading SET (
      timescaledb.compress,
      timescaledb.compress_segmentby = 'sensor_id',
      timescaledb.compress_orderby = 'time DESC'
    );
    IF compress_after IS NOT NULL THEN
      PERFORM add_compression_policy('silver.sensor_reading', compress_after);
    END IF;
  END IF;

  FOR item IN SELECT * FROM saved_view ORDER BY oid LOOP
    EXECUTE format('CREATE VIEW %s %s AS %s', item.name,
      coalesce('WITH (' || array_to_string(item.reloptions, ', ') || ')', ''), item.definition);
    EXECUTE format('COMMENT ON VIEW %s IS %L', item.name, item.comment);
    FOR n IN 1..cardinality(item.columns) LOOP
      EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', item.name, item.columns[n], item.column_comments[n]);
    END LOOP;
  END LOOP;
END
$$;
CALL sluice.grant_roles();

-- Down Migration

-- Ids stay as long as they are: shorter columns could not hold them.
SELECT;
