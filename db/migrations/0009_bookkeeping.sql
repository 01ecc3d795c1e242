-- Up Migration

-- What readers need not see has a schema of its own, which holds the migrations already.
ALTER TABLE gold.stale_minute SET SCHEMA sluice;
ALTER TABLE gold.quality_watermark SET SCHEMA sluice;
ALTER TABLE silver.retention SET SCHEMA sluice;
ALTER FUNCTION silver.forget_chunks() SET SCHEMA sluice;
ALTER FUNCTION silver.forget_rows(bigint) SET SCHEMA sluice;
COMMENT ON SCHEMA sluice IS 'Bookkeeping: what waits for a refresh, how far gold is, from when on silver is kept, which migrations there are.';

-- A row that only the writer may lock, in place of an advisory lock that everybody may take.
CREATE TABLE sluice.refresh (
  one          boolean PRIMARY KEY DEFAULT true CHECK (one),
  refreshed_at timestamptz
);
INSERT INTO sluice.refresh DEFAULT VALUES;
COMMENT ON TABLE sluice.refresh IS 'One row; who refreshes gold holds its lock, so that there is one refresh at a time.';
COMMENT ON COLUMN sluice.refresh.one IS 'Always true.';
COMMENT ON COLUMN sluice.refresh.refreshed_at IS 'When gold was last refreshed, by whichever collector.';

-- Only the owner of the tables says for how long readings are kept.
CREATE TABLE sluice.retention_policy (
  one         boolean PRIMARY KEY DEFAULT true CHECK (one),
  silver_days integer NOT NULL CHECK (silver_days > 0)
);
COMMENT ON TABLE sluice.retention_policy IS 'For how long readings are kept at least; one row, or none: for ever. `sluice migrate` writes SILVER_RETENTION_DAYS here, as the owner of the tables.';
COMMENT ON COLUMN sluice.retention_policy.one IS 'Always true.';
COMMENT ON COLUMN sluice.retention_policy.silver_days IS 'Days before the present UTC day.';
-- Who had the setting keeps what has happened by it.
INSERT INTO sluice.retention_policy (silver_days)
SELECT greatest(1, extract(day FROM date_trunc('day', changed_at, 'UTC') - dropped_before)::int) FROM sluice.retention;

CREATE FUNCTION sluice.advance_retention(days integer, clock timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '30s' AS $$
DECLARE
  least_days integer := (SELECT silver_days FROM sluice.retention_policy);
  boundary   timestamptz;
  kept_since timestamptz := coalesce((SELECT dropped_before FROM sluice.retention), '-infinity');
BEGIN
  IF least_days IS NULL THEN
    RAISE EXCEPTION 'the owner of the tables has not said for how long readings are kept'
      USING ERRCODE = '42501', HINT = 'Let the owner run "sluice migrate" with SILVER_RETENTION_DAYS.';
  END IF;
  boundary := date_trunc('day', least(now(), clock), 'UTC') - greatest(days, least_days) * INTERVAL '24 hours';
  -- The newest day stays, whatever the clocks say.
  boundary := least(boundary, date_trunc('day', (SELECT max(time) FROM silver.sensor_reading WHERE time <= now()), 'UTC'));
  -- From here on no refresh is under way, and the next one knows the boundary.
  PERFORM FROM sluice.refresh FOR UPDATE;
  IF EXISTS (SELECT FROM sluice.stale_minute WHERE bucket < boundary AND bucket >= kept_since)
    OR EXISTS (SELECT FROM sluice.quality_watermark WHERE filled_to < boundary)
  THEN
    RETURN false;
  END IF;
  INSERT INTO sluice.retention AS r (dropped_before) VALUES (boundary)
  ON CONFLICT (one) DO UPDATE SET dropped_before = excluded.dropped_before, changed_at = now()
  WHERE r.dropped_before < excluded.dropped_before;
  RETURN true;
END
$$;
COMMENT ON FUNCTION sluice.advance_retention IS 'Moves dropped_before of sluice.retention on, to `days` or silver_days of sluice.retention_policy before the present UTC day, whichever is more; `clock` can only hold it back. Nothing goes by this itself. False where a minute before it has to be refreshed first.';
REVOKE EXECUTE ON FUNCTION sluice.advance_retention FROM PUBLIC;

CREATE OR REPLACE FUNCTION sluice.forget_chunks() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
  boundary timestamptz := (SELECT dropped_before FROM sluice.retention);
  timescaledb text := (
    SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'timescaledb'
  );
  dropped bigint := 0;
BEGIN
  -- One at a time, whoever calls. A reader may keep a chunk open: who loads waits for us no longer than this.
  PERFORM FROM sluice.retention FOR UPDATE;
  IF timescaledb IS NOT NULL AND boundary IS NOT NULL THEN
    EXECUTE format('SELECT count(*) FROM %s.drop_chunks(%L::regclass, older_than => $1)', timescaledb, 'silver.sensor_reading')
      INTO dropped USING boundary;
  END IF;
  RETURN dropped;
END
$$;
COMMENT ON FUNCTION sluice.forget_chunks IS 'Drops the chunks of silver.sensor_reading that hold nothing but readings before dropped_before of sluice.retention; returns how many. None on plain tables.';

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
COMMENT ON FUNCTION sluice.forget_rows IS 'Deletes about `most` of the readings, conflicts, duplicates and rejected lines before dropped_before of sluice.retention; returns how many, 0 when none are left.';

DELETE FROM sluice.writer_right WHERE relation IN ('gold.stale_minute', 'gold.quality_watermark', 'silver.retention')
  OR relation LIKE 'silver.forget%';
INSERT INTO sluice.writer_right (relation, rights) VALUES
  ('sluice.stale_minute', 'INSERT, DELETE'),
  ('sluice.quality_watermark', 'INSERT, UPDATE'),
  ('sluice.refresh', 'UPDATE'),
  ('sluice.advance_retention(integer,timestamptz)', 'EXECUTE'),
  ('sluice.forget_chunks()', 'EXECUTE'),
  ('sluice.forget_rows(bigint)', 'EXECUTE');
DO $$
BEGIN
  IF to_regrole('sluice_writer') IS NOT NULL THEN
    REVOKE INSERT, UPDATE ON sluice.retention FROM sluice_writer;
  END IF;
END
$$;

CREATE OR REPLACE PROCEDURE sluice.grant_roles() LANGUAGE plpgsql AS $$
DECLARE
  relation record;
  attempt  int := 0;
BEGIN
  IF to_regrole('sluice_writer') IS NULL OR to_regrole('sluice_reader') IS NULL THEN
    RAISE NOTICE '% may not create roles: the database has no sluice_writer and no sluice_reader. To have them, let somebody who may run "CREATE ROLE sluice_writer; CREATE ROLE sluice_reader; ALTER ROLE sluice_reader SET default_transaction_read_only = on; ALTER ROLE sluice_reader SET statement_timeout = ''5min''; ALTER ROLE sluice_reader SET idle_in_transaction_session_timeout = ''5min''", and then % run "CALL sluice.grant_roles()"', current_user, current_user
      USING ERRCODE = '01SLU';
    RETURN;
  END IF;

  GRANT USAGE ON SCHEMA bronze, silver, gold, compat, sluice TO sluice_writer;
  GRANT USAGE ON SCHEMA silver, gold, compat, sluice TO sluice_reader;
  -- What somebody else has made in our schemas is theirs to grant.
  FOR relation IN
    SELECT c.oid::regclass AS name, n.nspname AS schema, r.rights
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN sluice.writer_right r ON CASE WHEN r.rights <> 'EXECUTE' THEN to_regclass(r.relation) END = c.oid
    WHERE n.nspname IN ('bronze', 'silver', 'gold', 'compat', 'sluice') AND c.relkind IN ('r', 'p', 'v', 'm')
      AND pg_has_role(c.relowner, 'USAGE')
  LOOP
    EXECUTE format('GRANT %s ON %s TO sluice_writer', concat_ws(', ', 'SELECT', relation.rights), relation.name);
    -- Of the bookkeeping, readers see how far gold is: reports say so.
    IF relation.schema IN ('silver', 'gold', 'compat')
      OR relation.name IN ('sluice.stale_minute'::regclass, 'sluice.quality_watermark'::regclass, 'sluice.retention'::regclass)
    THEN
      EXECUTE format('GRANT SELECT ON %s TO sluice_reader', relation.name);
    END IF;
  END LOOP;
  FOR relation IN
    SELECT to_regprocedure(r.relation) AS name FROM sluice.writer_right r
    -- Before PostgreSQL 16, to_regprocedure makes an error of what is no function.
    WHERE CASE WHEN r.rights = 'EXECUTE' THEN to_regprocedure(r.relation) IS NOT NULL END
  LOOP
    EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO sluice_writer', relation.name);
  END LOOP;
  ALTER DEFAULT PRIVILEGES IN SCHEMA bronze, silver, gold, compat GRANT SELECT ON TABLES TO sluice_writer;
  ALTER DEFAULT PRIVILEGES IN SCHEMA silver, gold, compat GRANT SELECT ON TABLES TO sluice_reader;

  LOOP
    BEGIN
      -- The loader, the refresh, verify and replay have temporary tables; nobody else needs any.
      EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO sluice_writer', current_database());
      EXECUTE format('GRANT CONNECT ON DATABASE %I TO sluice_reader', current_database());
      EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
      EXIT;
    EXCEPTION WHEN internal_error OR insufficient_privilege THEN
      -- "tuple concurrently updated": somebody else changes what the server knows of this database.
      attempt := attempt + 1;
      IF attempt = 5 OR SQLSTATE = '42501' THEN
        RAISE NOTICE 'who may connect to the database % and make temporary tables there stays as it is (%). To have only sluice_writer make them, let the owner of the database run "CALL sluice.grant_roles()"', current_database(), SQLERRM
          USING ERRCODE = '01SLU';
        EXIT;
      END IF;
      PERFORM pg_sleep(0.1);
    END;
  END LOOP;

  -- Databases made before PostgreSQL 15 let everybody create tables in the schema public.
  IF EXISTS (
    SELECT FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'public' AND grantee = 0 AND privilege_type = 'CREATE'
  ) THEN
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  END IF;
END
$$;

CALL sluice.grant_roles();

-- What psql shows without a schema, and what a reader may not do besides reading: as far as this user may say so.
CREATE PROCEDURE sluice.shape_database() LANGUAGE plpgsql AS $$
DECLARE
  is_superuser boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
  is_owner     boolean := (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database());
  -- No tables of others; those of extensions are nobody's.
  is_ours      boolean := NOT EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm')
      AND n.nspname NOT IN ('bronze', 'silver', 'gold', 'compat', 'sluice', 'information_schema')
      AND n.nspname !~ '^(pg|_timescaledb|timescaledb)_'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
  );
  routine      regprocedure;
BEGIN
  IF is_owner AND is_ours THEN
    EXECUTE format('ALTER DATABASE %I SET search_path = silver, gold, public', current_database());
  END IF;
  IF is_superuser AND is_ours THEN
    -- What a query sorts on the disk; nothing of ours comes near it.
    EXECUTE format('ALTER DATABASE %I SET temp_file_limit = %L', current_database(), '10GB');
    FOR routine IN
      SELECT oid::regprocedure FROM pg_proc
      WHERE pronamespace = 'pg_catalog'::regnamespace
        AND proname IN ('lo_create', 'lo_creat', 'lo_from_bytea', 'lo_put', 'lowrite', 'lo_import')
    LOOP
      EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', routine);
    END LOOP;
  -- Nobody needs to be told while nobody else can log in.
  ELSIF EXISTS (SELECT FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND rolname <> current_user) THEN
    RAISE NOTICE 'whoever may read % may also fill its disk, with large objects and with what queries sort: % may not forbid that there. If it holds nothing but Sluice''s tables, let a superuser run "CALL sluice.shape_database()"', current_database(), current_user
      USING ERRCODE = '01SLU';
  END IF;
END
$$;
REVOKE EXECUTE ON PROCEDURE sluice.shape_database FROM PUBLIC;
COMMENT ON PROCEDURE sluice.shape_database IS 'Sets the search_path of a database that is Sluice''s alone, and, called by a superuser, forbids its readers to fill the disk.';
CALL sluice.shape_database();

-- Down Migration

DROP PROCEDURE sluice.shape_database();
DO $$
BEGIN
  EXECUTE format('ALTER DATABASE %I RESET search_path', current_database());
EXCEPTION WHEN insufficient_privilege THEN
  NULL;
END
$$;
DROP FUNCTION sluice.advance_retention;
DROP TABLE sluice.retention_policy, sluice.refresh;
ALTER TABLE sluice.stale_minute SET SCHEMA gold;
ALTER TABLE sluice.quality_watermark SET SCHEMA gold;
ALTER TABLE sluice.retention SET SCHEMA silver;
DROP FUNCTION sluice.forget_rows, sluice.forget_chunks;
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
REVOKE EXECUTE ON FUNCTION silver.forget_chunks, silver.forget_rows FROM PUBLIC;
DELETE FROM sluice.writer_right WHERE relation LIKE 'sluice.%';
INSERT INTO sluice.writer_right (relation, rights) VALUES
  ('gold.stale_minute', 'INSERT, DELETE'),
  ('gold.quality_watermark', 'INSERT, UPDATE'),
  ('silver.retention', 'INSERT, UPDATE'),
  ('silver.forget_chunks()', 'EXECUTE'),
  ('silver.forget_rows(bigint)', 'EXECUTE');
CREATE OR REPLACE PROCEDURE sluice.grant_roles() LANGUAGE plpgsql AS $$
DECLARE
  relation record;
  attempt  int := 0;
BEGIN
  IF to_regrole('sluice_writer') IS NULL OR to_regrole('sluice_reader') IS NULL THEN
    RAISE NOTICE '% may not create roles: the database has no sluice_writer and no sluice_reader. To have them, let somebody who may run "CREATE ROLE sluice_writer; CREATE ROLE sluice_reader; ALTER ROLE sluice_reader SET default_transaction_read_only = on; ALTER ROLE sluice_reader SET statement_timeout = ''5min''; ALTER ROLE sluice_reader SET idle_in_transaction_session_timeout = ''5min''", and then % run "CALL sluice.grant_roles()"', current_user, current_user
      USING ERRCODE = '01SLU';
    RETURN;
  END IF;

  GRANT USAGE ON SCHEMA bronze, silver, gold, sluice TO sluice_writer;
  GRANT USAGE ON SCHEMA silver, gold TO sluice_reader;
  -- What somebody else has made in our schemas is theirs to grant.
  FOR relation IN
    SELECT c.oid::regclass AS name, n.nspname AS schema, r.rights
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN sluice.writer_right r ON CASE WHEN r.rights <> 'EXECUTE' THEN to_regclass(r.relation) END = c.oid
    WHERE n.nspname IN ('bronze', 'silver', 'gold', 'sluice') AND c.relkind IN ('r', 'p', 'v', 'm')
      AND pg_has_role(c.relowner, 'USAGE')
  LOOP
    EXECUTE format('GRANT %s ON %s TO sluice_writer', concat_ws(', ', 'SELECT', relation.rights), relation.name);
    IF relation.schema IN ('silver', 'gold') THEN
      EXECUTE format('GRANT SELECT ON %s TO sluice_reader', relation.name);
    END IF;
  END LOOP;
  FOR relation IN
    SELECT to_regprocedure(r.relation) AS name FROM sluice.writer_right r
    -- Before PostgreSQL 16, to_regprocedure makes an error of what is no function.
    WHERE CASE WHEN r.rights = 'EXECUTE' THEN to_regprocedure(r.relation) IS NOT NULL END
  LOOP
    EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO sluice_writer', relation.name);
  END LOOP;
  ALTER DEFAULT PRIVILEGES IN SCHEMA bronze, silver, gold GRANT SELECT ON TABLES TO sluice_writer;
  ALTER DEFAULT PRIVILEGES IN SCHEMA silver, gold GRANT SELECT ON TABLES TO sluice_reader;

  LOOP
    BEGIN
      -- The loader, the refresh, verify and replay have temporary tables; nobody else needs any.
      EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO sluice_writer', current_database());
      EXECUTE format('GRANT CONNECT ON DATABASE %I TO sluice_reader', current_database());
      EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
      EXIT;
    EXCEPTION WHEN internal_error OR insufficient_privilege THEN
      -- "tuple concurrently updated": somebody else changes what the server knows of this database.
      attempt := attempt + 1;
      IF attempt = 5 OR SQLSTATE = '42501' THEN
        RAISE NOTICE 'who may connect to the database % and make temporary tables there stays as it is (%). To have only sluice_writer make them, let the owner of the database run "CALL sluice.grant_roles()"', current_database(), SQLERRM
          USING ERRCODE = '01SLU';
        EXIT;
      END IF;
      PERFORM pg_sleep(0.1);
    END;
  END LOOP;

  -- Databases made before PostgreSQL 15 let everybody create tables in the schema public.
  IF EXISTS (
    SELECT FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'public' AND grantee = 0 AND privilege_type = 'CREATE'
  ) THEN
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  END IF;
END
$$;
CALL sluice.grant_roles();
