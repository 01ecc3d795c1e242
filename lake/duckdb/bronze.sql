-- Bronze: what the lines of archived files say, a row a reading. Takes the files that are new or were decoded anew since.
--
-- Needs the variable `archive`: where the archive is, such as 's3://bucket/prefix' or a folder that it was copied to.
SET TimeZone = 'UTC';
BEGIN;

CREATE SCHEMA IF NOT EXISTS bronze;
CREATE SCHEMA IF NOT EXISTS silver;
CREATE SCHEMA IF NOT EXISTS gold;

-- Files that were taken, with their checksums.
CREATE TABLE IF NOT EXISTS bronze.object (object VARCHAR PRIMARY KEY, sha256 VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS bronze.reading (
  day DATE, object VARCHAR NOT NULL, byte_offset BIGINT NOT NULL, reading BIGINT NOT NULL, sensor_id VARCHAR,
  "time" TIMESTAMPTZ, "value" DOUBLE, late BOOLEAN NOT NULL, inexact BOOLEAN NOT NULL, reason VARCHAR
);
-- Days of which something changed: silver takes them from here.
CREATE TABLE IF NOT EXISTS silver.stale_day (day DATE PRIMARY KEY);

CREATE OR REPLACE TEMP TABLE listed AS
  SELECT key, object, sha256
  FROM read_json(
    getvariable('archive') || '/lake/objects/*.jsonl', format = 'newline_delimited',
    columns = {key: 'VARCHAR', object: 'VARCHAR', sha256: 'VARCHAR'}
  );
CREATE OR REPLACE TEMP TABLE taken AS
  SELECT l.* FROM listed l LEFT JOIN bronze.object o USING (object) WHERE l.sha256 IS DISTINCT FROM o.sha256;

-- A list of files must not be empty: where there is nothing new, one is read for nothing.
SET VARIABLE files = (SELECT list(getvariable('archive') || '/' || key) FROM taken);
SET VARIABLE files = (
  SELECT coalesce(getvariable('files'), list(getvariable('archive') || '/' || key)) FROM (FROM listed LIMIT 1)
);
CREATE OR REPLACE TEMP TABLE fresh AS
  SELECT CAST(r."time" AS DATE) AS day, r.*
  FROM read_parquet(getvariable('files'), hive_partitioning = false) r SEMI JOIN taken USING (object);

INSERT OR IGNORE INTO silver.stale_day
  SELECT day FROM bronze.reading SEMI JOIN taken USING (object) WHERE day IS NOT NULL
  UNION SELECT day FROM fresh WHERE day IS NOT NULL;
DELETE FROM bronze.reading WHERE object IN (SELECT object FROM taken);
INSERT INTO bronze.reading BY NAME FROM fresh;
INSERT OR REPLACE INTO bronze.object SELECT object, sha256 FROM taken;
DROP TABLE fresh;

COMMIT;
