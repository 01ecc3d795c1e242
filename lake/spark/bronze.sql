-- Bronze: what the lines of archived files say, a row a reading. Takes the files that are new or were decoded anew since.
--
-- Variables: archive, where the archive is (s3a://bucket/prefix, a volume, a folder); lake, where the tables are.
-- One writer at a time. Killed at any statement, all of it is done again.
SET TIME ZONE 'UTC';

-- Files that were taken, with their checksums.
CREATE TABLE IF NOT EXISTS delta.`${lake}/bronze/object` (object STRING NOT NULL, sha256 STRING NOT NULL) USING delta;
CREATE TABLE IF NOT EXISTS delta.`${lake}/bronze/reading` (
  day DATE, object STRING NOT NULL, byte_offset BIGINT NOT NULL, reading BIGINT NOT NULL, sensor_id STRING, time TIMESTAMP,
  value DOUBLE, late BOOLEAN NOT NULL, inexact BOOLEAN NOT NULL, reason STRING
) USING delta PARTITIONED BY (day);
-- Days of readings: when bronze last changed, and as of when silver, gold and the checksums are; `made` are the checksums of what the
-- archive says of the day.
CREATE TABLE IF NOT EXISTS delta.`${lake}/day` (
  day DATE NOT NULL, bronze_at TIMESTAMP, made STRING, silver_at TIMESTAMP, gold_at TIMESTAMP, checked_at TIMESTAMP
) USING delta;

CREATE OR REPLACE TEMPORARY VIEW listed (date DATE, key STRING, object STRING, sha256 STRING)
  USING json OPTIONS (path '${archive}/lake/objects');
CREATE OR REPLACE TEMPORARY VIEW decoded USING parquet OPTIONS (path '${archive}/lake/readings');

-- Written down, as the archive goes on meanwhile.
CREATE OR REPLACE TABLE delta.`${lake}/bronze/taking` USING delta AS
  SELECT l.date, l.object, l.sha256 FROM listed l LEFT JOIN delta.`${lake}/bronze/object` o ON l.object = o.object
  WHERE NOT l.sha256 <=> o.sha256;

-- The days of what goes and of what comes.
MERGE INTO delta.`${lake}/day` d USING (
  SELECT day FROM delta.`${lake}/bronze/reading` LEFT SEMI JOIN delta.`${lake}/bronze/taking` USING (object) WHERE day IS NOT NULL
  UNION
  SELECT CAST(r.time AS DATE) AS day FROM decoded r JOIN delta.`${lake}/bronze/taking` t ON r.date = t.date AND r.object = t.object
  WHERE r.time IS NOT NULL
) c ON d.day = c.day
  WHEN MATCHED THEN UPDATE SET bronze_at = current_timestamp()
  WHEN NOT MATCHED THEN INSERT (day, bronze_at) VALUES (c.day, current_timestamp());

MERGE INTO delta.`${lake}/bronze/reading` r USING delta.`${lake}/bronze/taking` t ON r.object = t.object
  WHEN MATCHED THEN DELETE;

-- Compacted: many small files become some for each hour, sorted by sensor and time. The date finds the folders that are read.
INSERT INTO delta.`${lake}/bronze/reading`
  SELECT CAST(r.time AS DATE) AS day, r.object, byte_offset, reading, sensor_id, time, value, late, inexact, reason
  FROM decoded r JOIN delta.`${lake}/bronze/taking` t ON r.date = t.date AND r.object = t.object
  DISTRIBUTE BY day, date_trunc('hour', time) SORT BY sensor_id, time;

MERGE INTO delta.`${lake}/bronze/object` o USING delta.`${lake}/bronze/taking` t ON o.object = t.object
  WHEN MATCHED THEN UPDATE SET sha256 = t.sha256
  WHEN NOT MATCHED THEN INSERT (object, sha256) VALUES (t.object, t.sha256);
