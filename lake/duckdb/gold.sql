-- Gold: means and quality by minute, hour and day, as PostgreSQL has them. Makes the days anew that silver has made.
--
-- Values are added up one after the other in the order of time, as PostgreSQL does it: the same doubles in another order may
-- have another sum. Beyond 1e150 they are scaled by 2^-600 (2.409919865102884e-181): collector/gold/means.ts says why.
SET TimeZone = 'UTC';
BEGIN;

CREATE TABLE IF NOT EXISTS gold.reading_1min_mean (
  day DATE NOT NULL, bucket TIMESTAMPTZ NOT NULL, sensor_id VARCHAR NOT NULL, val_mean DOUBLE NOT NULL, val_min DOUBLE NOT NULL,
  val_max DOUBLE NOT NULL, n BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS gold.hourly_mean AS FROM gold.reading_1min_mean LIMIT 0;
CREATE TABLE IF NOT EXISTS gold.daily_mean AS FROM gold.reading_1min_mean LIMIT 0;
CREATE TABLE IF NOT EXISTS gold.data_quality_1min (
  day DATE NOT NULL, bucket TIMESTAMPTZ NOT NULL, sensor_id VARCHAR NOT NULL, expected DECIMAL(30,12), received BIGINT NOT NULL,
  valid BIGINT NOT NULL, out_of_range BIGINT NOT NULL, "unknown" BIGINT NOT NULL, rejected BIGINT NOT NULL,
  duplicates BIGINT NOT NULL, conflicts BIGINT NOT NULL, late BIGINT NOT NULL, stuck BIGINT NOT NULL, jumps BIGINT NOT NULL,
  score DECIMAL(5,1)
);
CREATE TABLE IF NOT EXISTS gold.data_quality_hourly AS FROM gold.data_quality_1min LIMIT 0;
CREATE TABLE IF NOT EXISTS gold.data_quality_daily AS SELECT *, '' AS verdict FROM gold.data_quality_1min LIMIT 0;

-- Values in their order, added up.
CREATE OR REPLACE TEMP MACRO added(v) AS list_reduce(v, lambda sum, more: sum + more);
CREATE OR REPLACE TEMP MACRO unscaled(v) AS
  least(4.3322963970637727e127::DOUBLE, greatest(-4.3322963970637727e127::DOUBLE, v)) / 2.409919865102884e-181::DOUBLE;
-- gold.whole_readings and gold.quality_score of db/schema.sql; half a tenth counts as one.
CREATE OR REPLACE TEMP MACRO due_readings(expected, received, duplicates) AS
  greatest(CAST(floor(coalesce(expected, 0) + 0.000001) AS BIGINT), received - duplicates);
CREATE OR REPLACE TEMP MACRO score_of(expected, received, duplicates, valid) AS
  CASE WHEN due_readings(expected, received, duplicates) > 0 THEN CAST(
    (2000 * valid + due_readings(expected, received, duplicates)) // (2 * due_readings(expected, received, duplicates)) AS DECIMAL(18,0)
  ) / 10 END;

DELETE FROM gold.reading_1min_mean WHERE day IN (FROM gold.stale_day);
INSERT INTO gold.reading_1min_mean
  WITH minute AS (
    SELECT day, date_trunc('minute', "time") AS bucket, sensor_id, list("value" ORDER BY "time") AS v, max(abs("value")) AS greatest,
      min("value") AS least_value, max("value") AS greatest_value, count(*) AS n
    FROM silver.sensor_reading SEMI JOIN gold.stale_day USING (day) WHERE quality = 'valid' GROUP BY ALL
  )
  SELECT day, bucket, sensor_id,
    CASE WHEN greatest < 1e150 THEN added(v) / n
      ELSE unscaled(coalesce(added(
        list_transform(list_filter(v, lambda x: abs(x) >= 1e-100), lambda x: x * 2.409919865102884e-181::DOUBLE)
      ), 0) / n) END,
    least_value, greatest_value, n
  FROM minute ORDER BY day, sensor_id, bucket;

-- A mean of means, each of n readings, in the order of the buckets.
CREATE OR REPLACE TEMP MACRO mean_of_means(m, n) AS
  CASE WHEN list_max(list_transform(m, lambda p: abs(p.val_mean))) < 1e280
    THEN CASE WHEN abs(added(list_transform(m, lambda p: p.val_mean * p.n))) < 1e-280 THEN 0
      ELSE added(list_transform(m, lambda p: p.val_mean * p.n)) / n END
    ELSE unscaled(added(list_transform(
      list_filter(m, lambda p: abs(p.val_mean) >= 1e-100), lambda p: p.val_mean * 2.409919865102884e-181::DOUBLE * p.n
    )) / n) END;

DELETE FROM gold.hourly_mean WHERE day IN (FROM gold.stale_day);
INSERT INTO gold.hourly_mean
  SELECT day, bucket, sensor_id, mean_of_means(m, n), val_min, val_max, n FROM (
    SELECT day, date_trunc('hour', bucket) AS bucket, sensor_id,
      list({val_mean: val_mean, n: CAST(n AS DOUBLE)} ORDER BY bucket) AS m, min(val_min) AS val_min, max(val_max) AS val_max,
      CAST(sum(n) AS BIGINT) AS n
    FROM gold.reading_1min_mean SEMI JOIN gold.stale_day USING (day) GROUP BY ALL
  );

DELETE FROM gold.daily_mean WHERE day IN (FROM gold.stale_day);
INSERT INTO gold.daily_mean
  SELECT day, CAST(day AS TIMESTAMPTZ), sensor_id, mean_of_means(m, n), val_min, val_max, n FROM (
    SELECT day, sensor_id, list({val_mean: val_mean, n: CAST(n AS DOUBLE)} ORDER BY bucket) AS m, min(val_min) AS val_min,
      max(val_max) AS val_max, CAST(sum(n) AS BIGINT) AS n
    FROM gold.hourly_mean SEMI JOIN gold.stale_day USING (day) GROUP BY ALL
  );

-- What the database counted of minutes besides stored readings.
SET VARIABLE days = (SELECT list(day) FROM gold.stale_day);
SET VARIABLE days = (SELECT coalesce(getvariable('days'), (SELECT list(day) FROM (FROM silver.day LIMIT 1))));
SET VARIABLE minutes = list_transform(
  getvariable('days'), lambda day: getvariable('archive') || '/lake/minutes/date=' || CAST(day AS VARCHAR) || '/minutes.parquet');

DELETE FROM gold.data_quality_1min WHERE day IN (FROM gold.stale_day);
INSERT INTO gold.data_quality_1min
  WITH counted AS (
    SELECT day, bucket + to_minutes(i) AS bucket, sensor_id, CAST(expected AS DECIMAL(30,12)) AS expected, rejected, duplicates, conflicts
    FROM (
      SELECT CAST("date" AS DATE) AS day, *, unnest(range(minutes)) AS i
      FROM read_parquet(getvariable('minutes'), hive_partitioning = true)
    ) SEMI JOIN gold.stale_day USING (day)
  ), stored AS (
    SELECT day, date_trunc('minute', "time") AS bucket, sensor_id, count(*) FILTER (quality = 'valid') AS valid,
      count(*) FILTER (quality = 'out_of_range') AS out_of_range, count(*) FILTER (quality = 'unknown_sensor') AS "unknown",
      count(*) FILTER (late) AS late, count(*) FILTER (stuck) AS stuck, count(*) FILTER (jump) AS jumps
    FROM silver.sensor_reading SEMI JOIN gold.stale_day USING (day) GROUP BY ALL
  ), minute AS (
    SELECT day, bucket, sensor_id, expected, coalesce(valid, 0) AS valid, coalesce(out_of_range, 0) AS out_of_range,
      coalesce("unknown", 0) AS "unknown", coalesce(rejected, 0) AS rejected, coalesce(duplicates, 0) AS duplicates,
      coalesce(conflicts, 0) AS conflicts, coalesce(late, 0) AS late, coalesce(stuck, 0) AS stuck, coalesce(jumps, 0) AS jumps
    FROM stored FULL JOIN counted USING (day, bucket, sensor_id)
  ), summed AS (
    SELECT *, valid + out_of_range + "unknown" + rejected + duplicates + conflicts AS received FROM minute
  )
  SELECT day, bucket, sensor_id, expected, received, valid, out_of_range, "unknown", rejected, duplicates, conflicts, late, stuck,
    jumps, score_of(expected, received, duplicates, valid)
  FROM summed ORDER BY day, sensor_id, bucket;

CREATE OR REPLACE TEMP MACRO verdict_of(score) AS
  CASE WHEN score > 95 THEN 'good' WHEN score >= 80 THEN 'warning' WHEN score < 80 THEN 'critical' END;

DELETE FROM gold.data_quality_hourly WHERE day IN (FROM gold.stale_day);
INSERT INTO gold.data_quality_hourly
  SELECT *, score_of(expected, received, duplicates, valid) FROM (
    SELECT day, date_trunc('hour', bucket) AS bucket, sensor_id, sum(expected) AS expected, sum(received)::BIGINT AS received,
      sum(valid)::BIGINT AS valid, sum(out_of_range)::BIGINT, sum("unknown")::BIGINT, sum(rejected)::BIGINT,
      sum(duplicates)::BIGINT AS duplicates, sum(conflicts)::BIGINT, sum(late)::BIGINT, sum(stuck)::BIGINT, sum(jumps)::BIGINT
    FROM gold.data_quality_1min SEMI JOIN gold.stale_day USING (day) GROUP BY ALL
  );

DELETE FROM gold.data_quality_daily WHERE day IN (FROM gold.stale_day);
INSERT INTO gold.data_quality_daily
  SELECT *, verdict_of(score) FROM (
    SELECT *, score_of(expected, received, duplicates, valid) AS score FROM (
      SELECT day, CAST(day AS TIMESTAMPTZ) AS bucket, sensor_id, sum(expected) AS expected, sum(received)::BIGINT AS received,
        sum(valid)::BIGINT AS valid, sum(out_of_range)::BIGINT, sum("unknown")::BIGINT, sum(rejected)::BIGINT,
        sum(duplicates)::BIGINT AS duplicates, sum(conflicts)::BIGINT, sum(late)::BIGINT, sum(stuck)::BIGINT, sum(jumps)::BIGINT
      FROM gold.data_quality_hourly SEMI JOIN gold.stale_day USING (day) GROUP BY ALL
    )
  );

-- The registry as it is: names and units.
CREATE OR REPLACE TABLE silver.sensor AS FROM read_parquet(getvariable('archive') || '/lake/registry/registry.parquet');

CREATE TABLE IF NOT EXISTS gold.unchecked_day (day DATE PRIMARY KEY);
INSERT OR IGNORE INTO gold.unchecked_day FROM gold.stale_day;
DELETE FROM gold.stale_day;
COMMIT;
