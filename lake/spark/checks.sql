-- Rows and a checksum of each day and table, which `sluice lake verify` compares with PostgreSQL: the sum of a hash of each row, so
-- in no order. A double is told by its 64 bits, which Spark has no function for: they are reckoned, without rounding.
--
-- Variables: lake; checks, the folder that is written.
SET TIME ZONE 'UTC';

CREATE TABLE IF NOT EXISTS delta.`${lake}/gold/day_check` (
  day DATE NOT NULL, table STRING NOT NULL, rows BIGINT NOT NULL, checksum STRING NOT NULL
) USING delta PARTITIONED BY (day);

DECLARE OR REPLACE VARIABLE began TIMESTAMP DEFAULT current_timestamp();
DECLARE OR REPLACE VARIABLE due ARRAY<DATE>;
SET VARIABLE due = (
  SELECT collect_list(day) FROM delta.`${lake}/day` WHERE gold_at IS NOT NULL AND (checked_at IS NULL OR gold_at > checked_at)
);

-- The exponent: a logarithm may be one off beside a power of two.
CREATE OR REPLACE TEMPORARY FUNCTION exponent_near(a DOUBLE) RETURNS INT RETURN CAST(floor(log2(a)) AS INT);
CREATE OR REPLACE TEMPORARY FUNCTION exponent(a DOUBLE) RETURNS INT RETURN exponent_near(a)
  + CASE WHEN a < pow(2D, exponent_near(a)) THEN -1 WHEN a / 2D >= pow(2D, exponent_near(a)) THEN 1 ELSE 0 END;
-- Of a number that is not negative. Below 2^-1022 it is a multiple of 2^-1074.
CREATE OR REPLACE TEMPORARY FUNCTION bits_of_size(a DOUBLE) RETURNS BIGINT RETURN
  CASE WHEN a < 2.2250738585072014e-308D THEN CAST(a * pow(2D, 537) * pow(2D, 537) AS BIGINT)
    ELSE (exponent(a) + 1023L) * 4503599627370496L + CAST((a / pow(2D, exponent(a)) - 1D) * 4503599627370496D AS BIGINT) END;
CREATE OR REPLACE TEMPORARY FUNCTION bits(v DOUBLE) RETURNS BIGINT RETURN
  CASE WHEN v < 0D THEN bits_of_size(-v) - 9223372036854775807L - 1L ELSE bits_of_size(v) END;
CREATE OR REPLACE TEMPORARY FUNCTION hash_of(row_text STRING) RETURNS BIGINT
  RETURN CAST(conv(substr(md5(row_text), 1, 15), 16, 10) AS BIGINT);

CREATE OR REPLACE TEMPORARY VIEW row_hash AS
  SELECT day, 'silver.sensor_reading' AS table, hash_of(concat_ws('|', unix_micros(time), bits(value), quality, CAST(late AS INT),
    CAST(stuck AS INT), CAST(jump AS INT), CAST(inexact AS INT), sensor_id)) AS hash
  FROM delta.`${lake}/silver/sensor_reading`
  UNION ALL
  SELECT day, 'gold.reading_1min_mean', hash_of(concat_ws('|', unix_micros(bucket), bits(val_mean), bits(val_min), bits(val_max), n, sensor_id))
  FROM delta.`${lake}/gold/reading_1min_mean`
  UNION ALL
  SELECT day, 'gold.hourly_mean', hash_of(concat_ws('|', unix_micros(bucket), bits(val_mean), bits(val_min), bits(val_max), n, sensor_id))
  FROM delta.`${lake}/gold/hourly_mean`
  UNION ALL
  SELECT day, 'gold.daily_mean', hash_of(concat_ws('|', unix_micros(bucket), bits(val_mean), bits(val_min), bits(val_max), n, sensor_id))
  FROM delta.`${lake}/gold/daily_mean`
  UNION ALL
  SELECT day, 'gold.data_quality_1min', hash_of(concat_ws('|', unix_micros(bucket), coalesce(CAST(expected AS STRING), ''), received, valid,
    out_of_range, unknown, rejected, duplicates, conflicts, late, stuck, jumps, coalesce(CAST(score AS STRING), ''), sensor_id))
  FROM delta.`${lake}/gold/data_quality_1min`
  UNION ALL
  SELECT day, 'gold.data_quality_hourly', hash_of(concat_ws('|', unix_micros(bucket), coalesce(CAST(expected AS STRING), ''), received, valid,
    out_of_range, unknown, rejected, duplicates, conflicts, late, stuck, jumps, coalesce(CAST(score AS STRING), ''), sensor_id))
  FROM delta.`${lake}/gold/data_quality_hourly`
  UNION ALL
  SELECT day, 'gold.data_quality_daily', hash_of(concat_ws('|', unix_micros(bucket), coalesce(CAST(expected AS STRING), ''), received, valid,
    out_of_range, unknown, rejected, duplicates, conflicts, late, stuck, jumps, coalesce(CAST(score AS STRING), ''), sensor_id))
  FROM delta.`${lake}/gold/data_quality_daily`;

SET spark.sql.sources.partitionOverwriteMode=dynamic;
INSERT OVERWRITE TABLE delta.`${lake}/gold/day_check`
  SELECT d.day, t.table, count(hash), CAST(coalesce(sum(CAST(hash AS DECIMAL(20,0))), 0) AS STRING)
  FROM (SELECT explode(due) AS day) d CROSS JOIN (
    SELECT explode(array(
      'silver.sensor_reading', 'gold.reading_1min_mean', 'gold.hourly_mean', 'gold.daily_mean', 'gold.data_quality_1min',
      'gold.data_quality_hourly', 'gold.data_quality_daily'
    )) AS table
  ) t
  LEFT JOIN (SELECT * FROM row_hash WHERE array_contains(due, day)) h ON d.day = h.day AND t.table = h.table
  GROUP BY d.day, t.table;

MERGE INTO delta.`${lake}/day` d USING (SELECT explode(due) AS day) m ON d.day = m.day
  WHEN MATCHED THEN UPDATE SET checked_at = began;

INSERT OVERWRITE DIRECTORY '${checks}' USING json
  SELECT /*+ COALESCE(1) */ CAST(day AS STRING) AS day, table, rows, checksum FROM delta.`${lake}/gold/day_check`;
