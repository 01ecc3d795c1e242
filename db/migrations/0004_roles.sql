-- Up Migration

-- Whether they are there: roles belong to the server, and another database of it may be migrated at this moment.
DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['sluice_writer', 'sluice_reader'] LOOP
    BEGIN
      -- A transaction that is making the same role is waited for.
      EXECUTE format('CREATE ROLE %I NOLOGIN', role);
      -- Only for a role of our making: what somebody has set since stays. Members of a role do not inherit its settings.
      IF role = 'sluice_reader' THEN
        ALTER ROLE sluice_reader SET default_transaction_read_only = on;
        ALTER ROLE sluice_reader SET statement_timeout = '5min';
        ALTER ROLE sluice_reader SET idle_in_transaction_session_timeout = '5min';
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN
      NULL;
    END;
  END LOOP;
END
$$;

-- What the collector, verify and replay do to tables besides reading them, and which functions they call that not
-- everybody may ('silver.f(bigint)', 'EXECUTE'). A migration that makes one adds a line, and calls sluice.grant_roles().
CREATE TABLE sluice.writer_right (
  relation text PRIMARY KEY,
  rights   text NOT NULL
);
INSERT INTO sluice.writer_right (relation, rights) VALUES
  ('bronze.raw_file', 'INSERT, UPDATE'),
  ('silver.sensor', 'INSERT, UPDATE, DELETE'),
  -- Readings are stored and judged; time, sensor and value never change. TimescaleDB passes grants on to the tables of
  -- compressed chunks, which do not have these columns.
  ('silver.sensor_reading', CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
    THEN 'INSERT, UPDATE' ELSE 'INSERT, UPDATE (quality, late, stuck, jump)' END),
  ('silver.seen_sensor', 'INSERT'),
  ('silver.duplicate_minute', 'INSERT'),
  ('silver.rejected_line', 'INSERT'),
  ('silver.conflicting_reading', 'INSERT'),
  ('gold.stale_minute', 'INSERT, DELETE'),
  ('gold.reading_1min_mean', 'INSERT, UPDATE, DELETE'),
  ('gold.hourly_mean', 'INSERT, UPDATE, DELETE'),
  ('gold.daily_mean', 'INSERT, UPDATE, DELETE'),
  ('gold.data_quality_1min', 'INSERT, UPDATE, DELETE'),
  ('gold.data_quality_hourly', 'INSERT, UPDATE, DELETE'),
  ('gold.data_quality_daily', 'INSERT, UPDATE, DELETE'),
  ('gold.quality_watermark', 'INSERT, UPDATE');

-- Gives the roles their rights on this database, as far as the roles are there. Called again it changes nothing.
CREATE PROCEDURE sluice.grant_roles() LANGUAGE plpgsql AS $$
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
REVOKE EXECUTE ON PROCEDURE sluice.grant_roles FROM PUBLIC;
COMMENT ON PROCEDURE sluice.grant_roles IS 'Gives sluice_writer and sluice_reader their rights on this database; for whoever made the roles after Sluice was there.';

CALL sluice.grant_roles();

-- Down Migration

DO $$
BEGIN
  IF to_regrole('sluice_writer') IS NOT NULL AND to_regrole('sluice_reader') IS NOT NULL THEN
    ALTER DEFAULT PRIVILEGES IN SCHEMA bronze, silver, gold REVOKE SELECT ON TABLES FROM sluice_writer, sluice_reader;
    REVOKE ALL ON ALL TABLES IN SCHEMA bronze, silver, gold, sluice FROM sluice_writer, sluice_reader;
    REVOKE ALL ON SCHEMA bronze, silver, gold, sluice FROM sluice_writer, sluice_reader;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM sluice_writer, sluice_reader', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
  END IF;
END
$$;
DROP PROCEDURE sluice.grant_roles();
DROP TABLE sluice.writer_right;
