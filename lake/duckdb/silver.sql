-- Silver: every reading once, as PostgreSQL has it in silver.sensor_reading. Makes the days anew of which bronze has other
-- readings, or the archive other judgements; days of which the archive has no judgements yet wait.
SET TimeZone = 'UTC';
BEGIN;

CREATE TABLE IF NOT EXISTS silver.sensor_reading (
  day DATE NOT NULL, "time" TIMESTAMPTZ NOT NULL, sensor_id VARCHAR NOT NULL, "value" DOUBLE NOT NULL, quality VARCHAR NOT NULL,
  late BOOLEAN NOT NULL, stuck BOOLEAN NOT NULL, jump BOOLEAN NOT NULL, inexact BOOLEAN NOT NULL
);
-- Readings whose sensor and time were taken by another value.
CREATE TABLE IF NOT EXISTS silver.conflicting_reading (
  day DATE NOT NULL, "time" TIMESTAMPTZ NOT NULL, sensor_id VARCHAR NOT NULL, stored_value DOUBLE, conflicting_value DOUBLE NOT NULL,
  object VARCHAR NOT NULL, byte_offset BIGINT NOT NULL, reading BIGINT NOT NULL
);
-- Days that were taken, with the checksums of what the archive says of them.
CREATE TABLE IF NOT EXISTS silver.day (day DATE PRIMARY KEY, made VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS gold.stale_day (day DATE PRIMARY KEY);

CREATE OR REPLACE TEMP TABLE due AS
  WITH listed AS (
    SELECT "date" AS day, concat_ws(' ', flags, unstored, minutes) AS made
    FROM read_json(
      getvariable('archive') || '/lake/days/*.json', format = 'newline_delimited',
      columns = {"date": 'DATE', flags: 'VARCHAR', unstored: 'VARCHAR', minutes: 'VARCHAR'}
    )
  )
  SELECT l.* FROM listed l LEFT JOIN silver.day d USING (day)
  WHERE l.made IS DISTINCT FROM d.made OR l.day IN (SELECT day FROM silver.stale_day);

-- Folders of the days, and where there are none one of any day: see bronze.sql.
SET VARIABLE days = (SELECT list(day) FROM due);
SET VARIABLE days = (SELECT coalesce(getvariable('days'), (SELECT list(day) FROM (FROM silver.day LIMIT 1))));
SET VARIABLE flags = list_transform(
  getvariable('days'), lambda day: getvariable('archive') || '/lake/flags/date=' || CAST(day AS VARCHAR) || '/flags.parquet');
SET VARIABLE unstored = list_transform(
  getvariable('days'), lambda day: getvariable('archive') || '/lake/unstored/date=' || CAST(day AS VARCHAR) || '/unstored.parquet');

CREATE OR REPLACE TEMP TABLE flag AS
  SELECT CAST("date" AS DATE) AS day, * EXCLUDE ("date") FROM read_parquet(getvariable('flags'), hive_partitioning = true)
  WHERE CAST("date" AS DATE) IN (SELECT day FROM due);
CREATE OR REPLACE TEMP TABLE unstored AS
  SELECT CAST("date" AS DATE) AS day, * EXCLUDE ("date") FROM read_parquet(getvariable('unstored'), hive_partitioning = true)
  WHERE CAST("date" AS DATE) IN (SELECT day FROM due);

DELETE FROM silver.sensor_reading WHERE day IN (SELECT day FROM due);
INSERT INTO silver.sensor_reading
  WITH stored AS (
    -- What is left of a sensor and time has one value: of the others the database knows that they came second.
    SELECT day, sensor_id, "time", min("value") AS "value"
    FROM bronze.reading SEMI JOIN due USING (day) ANTI JOIN unstored USING (day, object, byte_offset, reading)
    WHERE reason IS NULL
    GROUP BY ALL
  ), judged AS (
    SELECT * FROM flag WHERE "time" IS NOT NULL
  ), usual AS (
    SELECT day, sensor_id, quality FROM flag WHERE "time" IS NULL
  )
  SELECT day, "time", sensor_id, "value", coalesce(j.quality, u.quality, 'valid'), coalesce(j.late, false), coalesce(j.stuck, false),
    coalesce(j.jump, false), coalesce(j.inexact, false)
  FROM stored LEFT JOIN judged j USING (day, sensor_id, "time") LEFT JOIN usual u USING (day, sensor_id)
  ORDER BY day, sensor_id, "time";

DELETE FROM silver.conflicting_reading WHERE day IN (SELECT day FROM due);
INSERT INTO silver.conflicting_reading
  SELECT day, "time", sensor_id, stored_value, "value", object, byte_offset, reading FROM unstored WHERE "value" IS NOT NULL;

INSERT OR REPLACE INTO silver.day FROM due;
INSERT OR IGNORE INTO gold.stale_day SELECT day FROM due;
DELETE FROM silver.stale_day WHERE day IN (SELECT day FROM due);

COMMIT;
