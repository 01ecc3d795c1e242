-- Rows and a checksum of each day and table, which `sluice lake verify` compares with PostgreSQL: the sum of a hash of each row, so
-- in no order. A double is told by its 64 bits.
--
-- Needs the variable `checks`: the file that is written.
SET TimeZone = 'UTC';

CREATE OR REPLACE TEMP MACRO bits(v) AS CAST(CAST(CAST(v AS DOUBLE) AS BIT) AS BIGINT);
CREATE OR REPLACE TEMP MACRO hash_of(row_text) AS CAST('0x' || substr(md5(row_text), 1, 15) AS BIGINT);

CREATE OR REPLACE TEMP VIEW row_hash AS
  SELECT day, 'silver.sensor_reading' AS "table", hash_of(concat_ws('|', epoch_us("time"), bits("value"), quality, late::INT,
    stuck::INT, jump::INT, inexact::INT, sensor_id)) AS hash FROM silver.sensor_reading
  UNION ALL
  SELECT day, 'gold.reading_1min_mean', hash_of(concat_ws('|', epoch_us(bucket), bits(val_mean), bits(val_min), bits(val_max), n,
    sensor_id)) FROM gold.reading_1min_mean
  UNION ALL
  SELECT day, 'gold.hourly_mean', hash_of(concat_ws('|', epoch_us(bucket), bits(val_mean), bits(val_min), bits(val_max), n,
    sensor_id)) FROM gold.hourly_mean
  UNION ALL
  SELECT day, 'gold.daily_mean', hash_of(concat_ws('|', epoch_us(bucket), bits(val_mean), bits(val_min), bits(val_max), n,
    sensor_id)) FROM gold.daily_mean
  UNION ALL
  SELECT day, 'gold.data_quality_1min', hash_of(concat_ws('|', epoch_us(bucket), coalesce(expected::VARCHAR, ''), received, valid,
    out_of_range, "unknown", rejected, duplicates, conflicts, late, stuck, jumps, coalesce(score::VARCHAR, ''), sensor_id))
  FROM gold.data_quality_1min
  UNION ALL
  SELECT day, 'gold.data_quality_hourly', hash_of(concat_ws('|', epoch_us(bucket), coalesce(expected::VARCHAR, ''), received, valid,
    out_of_range, "unknown", rejected, duplicates, conflicts, late, stuck, jumps, coalesce(score::VARCHAR, ''), sensor_id))
  FROM gold.data_quality_hourly
  UNION ALL
  SELECT day, 'gold.data_quality_daily', hash_of(concat_ws('|', epoch_us(bucket), coalesce(expected::VARCHAR, ''), received, valid,
    out_of_range, "unknown", rejected, duplicates, conflicts, late, stuck, jumps, coalesce(score::VARCHAR, ''), sensor_id))
  FROM gold.data_quality_daily;

BEGIN;
CREATE TABLE IF NOT EXISTS gold.day_check (
  day DATE NOT NULL, "table" VARCHAR NOT NULL, "rows" BIGINT NOT NULL, "checksum" VARCHAR NOT NULL
);
DELETE FROM gold.day_check WHERE day IN (FROM gold.unchecked_day);
INSERT INTO gold.day_check
  SELECT day, "table", count(hash), CAST(coalesce(sum(hash), 0) AS VARCHAR)
  FROM gold.unchecked_day CROSS JOIN (SELECT unnest([
    'silver.sensor_reading', 'gold.reading_1min_mean', 'gold.hourly_mean', 'gold.daily_mean', 'gold.data_quality_1min',
    'gold.data_quality_hourly', 'gold.data_quality_daily'
  ]) AS "table") LEFT JOIN row_hash USING (day, "table")
  GROUP BY ALL;
DELETE FROM gold.unchecked_day;
COMMIT;

COPY (SELECT CAST(day AS VARCHAR) AS day, "table", "rows", "checksum" FROM gold.day_check ORDER BY ALL)
  TO (getvariable('checks')) (FORMAT json);
