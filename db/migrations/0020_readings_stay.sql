-- Up Migration

-- sluice_writer may judge readings, and not change them. On plain PostgreSQL its right to UPDATE names the columns.
-- TimescaleDB passes grants on to the tables of compressed chunks, which do not have these columns: there a trigger holds it. It
-- costs what is loaded nothing, and names no column, so that the types of columns can still be changed.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
    RETURN;
  END IF;
  CREATE FUNCTION silver.keep_reading() RETURNS trigger LANGUAGE plpgsql AS $function$
  BEGIN
    IF (NEW.time, NEW.sensor_id, NEW.value, NEW.inexact) IS DISTINCT FROM (OLD.time, OLD.sensor_id, OLD.value, OLD.inexact)
      AND NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
    THEN
      RAISE EXCEPTION 'permission denied for table sensor_reading: % may judge a reading, and not change it', current_user
        USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
  END
  $function$;
  COMMENT ON FUNCTION silver.keep_reading IS 'Refuses to change time, sensor and value of a reading, unless the owner of the table asks.';
  CREATE TRIGGER keep_reading BEFORE UPDATE ON silver.sensor_reading FOR EACH ROW EXECUTE FUNCTION silver.keep_reading();
END
$$;

-- Down Migration

DROP TRIGGER IF EXISTS keep_reading ON silver.sensor_reading;
DROP FUNCTION IF EXISTS silver.keep_reading();
