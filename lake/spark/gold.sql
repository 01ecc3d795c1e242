-- Gold: means and quality by minute, hour and day, as PostgreSQL has them. Makes the days anew that silver has made.
--
-- Values are added up one after the other in the order of time, as PostgreSQL does it: the same doubles in another order may
-- have another sum. Beyond 1e150 they are scaled by 2^-600 (2.409919865102884e-181): collector/gold/means.ts says why.
--
-- Variables: archive, lake; see bronze.sql.
SET TIME ZONE 'UTC';
SET spark.sql.sources.partitionOverwriteMode=dynamic;

CREATE TABLE IF NOT EXISTS delta.`${lake}/gold/reading_1min_mean` (
  day DATE NOT NULL, bucket TIMESTAMP NOT NULL, sensor_id STRING NOT NULL, val_mean DOUBLE NOT NULL, val_min DOUBLE NOT NULL,
  val_max DOUBLE NOT NULL, n BIGINT NOT NULL
) USING delta PARTITIONED BY (day);
CREATE TABLE IF NOT EXISTS delta.`${lake}/gold/hourly_mean` (
  day DATE NOT NULL, bucket TIMESTAMP NOT NULL, sensor_id STRING NOT NULL, val_mean DOUBLE NOT NULL, val_min DOUBLE NOT NULL,
  val_max DOUBLE NOT NULL, n BIGINT NOT NULL
) USING delta PARTITIONED BY (day);
CREATE TABLE IF NOT EXISTS delta.`${lake}/gold/daily_mean` (
  day DATE NOT NULL, bucket TIMESTAMP NOT NULL, sensor_id STRING NOT NULL, val_mean DOUBLE NOT NULL, val_min DOUBLE NOT NULL,
  val_max DOUBLE NOT NULL, n BIGINT NOT NULL
) USING delta PARTITIONED BY (day);
CREATE TABLE IF NOT EXISTS delta.`${lake}/gold/data_quality_1min` (
  day DATE NOT NULL, bucket TIMESTAMP NOT NULL, sensor_id STRING NOT NULL, expected DECIMAL(30,12), received BIGINT NOT NULL,
  valid BIGINT NOT NULL, out_of_range BIGINT NOT NULL, unknown BIGINT NOT NULL, rejected BIGINT NOT NULL, duplicates BIGINT NOT NULL,
  conflicts BIGINT NOT NULL, late BIGINT NOT NULL, stuck BIGINT NOT NULL, jumps BIGINT NOT NULL, score DECIMAL(5,1)
) USING delta PARTITIONED BY (day);
CREATE TABLE IF NOT EXISTS delta.`${lake}/gold/data_quality_hourly` (
  day DATE NOT NULL, bucket TIMESTAMP NOT NULL, sensor_id STRING NOT NULL, expected DECIMAL(30,12), received BIGINT NOT NULL,
  valid BIGINT NOT NULL, out_of_range BIGINT NOT NULL, unknown BIGINT NOT NULL, rejected BIGINT NOT NULL, duplicates BIGINT NOT NULL,
  conflicts BIGINT NOT NULL, late BIGINT NOT NULL, stuck BIGINT NOT NULL, jumps BIGINT NOT NULL, score DECIMAL(5,1)
) USING delta PARTITIONED BY (day);
CREATE TABLE IF NOT EXISTS delta.`${lake}/gold/data_quality_daily` (
  day DATE NOT NULL, bucket TIMESTAMP NOT NULL, sensor_id STRING NOT NULL, expected DECIMAL(30,12), received BIGINT NOT NULL,
  valid BIGINT NOT NULL, out_of_range BIGINT NOT NULL, unknown BIGINT NOT NULL, rejected BIGINT NOT NULL, duplicates BIGINT NOT NULL,
  conflicts BIGINT NOT NULL, late BIGINT NOT NULL, stuck BIGINT NOT NULL, jumps BIGINT NOT NULL, score DECIMAL(5,1), verdict STRING
) USING delta PARTITIONED BY (day);

DECLARE OR REPLACE VARIABLE began TIMESTAMP DEFAULT current_timestamp();
DECLARE OR REPLACE VARIABLE due ARRAY<DATE>;
SET VARIABLE due = (
  SELECT collect_list(day) FROM delta.`${lake}/day` WHERE silver_at IS NOT NULL AND (gold_at IS NULL OR silver_at > gold_at)
);
-- Days that have nothing left are not overwritten.
DECLARE OR REPLACE VARIABLE without_means ARRAY<DATE>;
SET VARIABLE without_means = array_except(due, (
  SELECT collect_set(day) FROM delta.`${lake}/silver/sensor_reading` WHERE array_contains(due, day) AND quality = 'valid'
));

-- Values in their order, added up.
CREATE OR REPLACE TEMPORARY FUNCTION added(v ARRAY<DOUBLE>) RETURNS DOUBLE RETURN aggregate(v, 0D, (sum, more) -> sum + more);
CREATE OR REPLACE TEMPORARY FUNCTION unscaled(v DOUBLE) RETURNS DOUBLE
  RETURN least(4.3322963970637727e127D, greatest(-4.3322963970637727e127D, v)) / 2.409919865102884e-181D;
-- A mean of means, each of n readings, in the order of the buckets.
CREATE OR REPLACE TEMPORARY FUNCTION mean_of_means(m ARRAY<STRUCT<val_mean: DOUBLE, n: DOUBLE>>, n BIGINT) RETURNS DOUBLE
  RETURN CASE WHEN array_max(transform(m, p -> abs(p.val_mean))) < 1e280D
    THEN CASE WHEN abs(added(transform(m, p -> p.val_mean * p.n))) < 1e-280D THEN 0D
      ELSE added(transform(m, p -> p.val_mean * p.n)) / n END
    ELSE unscaled(added(transform(filter(m, p -> abs(p.val_mean) >= 1e-100D), p -> p.val_mean * 2.409919865102884e-181D * p.n)) / n)
  END;
-- gold.whole_readings and gold.quality_score of db/schema.sql. Half a tenth counts as one.
CREATE OR REPLACE TEMPORARY FUNCTION due_readings(expected DECIMAL(30,12), received BIGINT, duplicates BIGINT) RETURNS BIGINT
  RETURN greatest(CAST(floor(coalesce(expected, 0) + 0.000001) AS BIGINT), received - duplicates);
CREATE OR REPLACE TEMPORARY FUNCTION score_of(expected DECIMAL(30,12), received BIGINT, duplicates BIGINT, valid BIGINT)
  RETURNS DECIMAL(5,1)
  RETURN CASE WHEN due_readings(expected, received, duplicates) > 0 THEN CAST(CAST(
    (2000 * valid + due_readings(expected, received, duplicates)) div (2 * due_readings(expected, received, duplicates))
  AS DECIMAL(5,0)) / 10 AS DECIMAL(5,1)) END;

CREATE OR REPLACE TEMPORARY VIEW minutes USING parquet OPTIONS (path '${archive}/lake/minutes');
DECLARE OR REPLACE VARIABLE without_minutes ARRAY<DATE>;
SET VARIABLE without_minutes = array_except(due, (
  SELECT collect_set(day) FROM (
    SELECT day FROM delta.`${lake}/silver/sensor_reading` WHERE array_contains(due, day)
    UNION ALL SELECT date FROM minutes WHERE array_contains(due, date)
  )
));

INSERT OVERWRITE TABLE delta.`${lake}/gold/reading_1min_mean`
  SELECT day, bucket, sensor_id,
    CASE WHEN greatest_size < 1e150D THEN added(v) / n
      ELSE unscaled(coalesce(added(
        transform(filter(v, x -> abs(x) >= 1e-100D), x -> x * 2.409919865102884e-181D)
      ), 0D) / n) END,
    val_min, val_max, n
  FROM (
    SELECT day, date_trunc('minute', time) AS bucket, sensor_id,
      transform(array_sort(collect_list(struct(time, value))), p -> p.value) AS v, max(abs(value)) AS greatest_size,
      min(value) AS val_min, max(value) AS val_max, count(*) AS n
    FROM delta.`${lake}/silver/sensor_reading`
    WHERE array_contains(due, day) AND quality = 'valid' GROUP BY day, date_trunc('minute', time), sensor_id
  );
DELETE FROM delta.`${lake}/gold/reading_1min_mean` WHERE array_contains(without_means, day);

INSERT OVERWRITE TABLE delta.`${lake}/gold/hourly_mean`
  SELECT day, bucket, sensor_id, mean_of_means(m, n), val_min, val_max, n FROM (
    SELECT day, date_trunc('hour', bucket) AS bucket, sensor_id,
      transform(array_sort(collect_list(struct(bucket, val_mean, CAST(n AS DOUBLE) AS n))), p -> struct(p.val_mean, p.n)) AS m,
      min(val_min) AS val_min, max(val_max) AS val_max, sum(n) AS n
    FROM delta.`${lake}/gold/reading_1min_mean` WHERE array_contains(due, day)
    GROUP BY day, date_trunc('hour', bucket), sensor_id
  );
DELETE FROM delta.`${lake}/gold/hourly_mean` WHERE array_contains(without_means, day);

INSERT OVERWRITE TABLE delta.`${lake}/gold/daily_mean`
  SELECT day, bucket, sensor_id, mean_of_means(m, n), val_min, val_max, n FROM (
    SELECT day, date_trunc('day', bucket) AS bucket, sensor_id,
      transform(array_sort(collect_list(struct(bucket, val_mean, CAST(n AS DOUBLE) AS n))), p -> struct(p.val_mean, p.n)) AS m,
      min(val_min) AS val_min, max(val_max) AS val_max, sum(n) AS n
    FROM delta.`${lake}/gold/hourly_mean` WHERE array_contains(due, day)
    GROUP BY day, date_trunc('day', bucket), sensor_id
  );
DELETE FROM delta.`${lake}/gold/daily_mean` WHERE array_contains(without_means, day);

-- What the database counted of minutes besides stored readings stands beside what silver has of them.
INSERT OVERWRITE TABLE delta.`${lake}/gold/data_quality_1min`
  WITH counted AS (
    SELECT date AS day, bucket + make_dt_interval(0, 0, CAST(i AS INT)) AS bucket, sensor_id, CAST(expected AS DECIMAL(30,12)) AS expected,
      rejected, duplicates, conflicts
    FROM minutes LATERAL VIEW explode(sequence(0L, minutes - 1)) AS i
    WHERE array_contains(due, date)
  ), stored AS (
    SELECT day, date_trunc('minute', time) AS bucket, sensor_id, count_if(quality = 'valid') AS valid,
      count_if(quality = 'out_of_range') AS out_of_range, count_if(quality = 'unknown_sensor') AS unknown, count_if(late) AS late,
      count_if(stuck) AS stuck, count_if(jump) AS jumps
    FROM delta.`${lake}/silver/sensor_reading` WHERE array_contains(due, day)
    GROUP BY day, date_trunc('minute', time), sensor_id
  ), minute AS (
    SELECT day, bucket, sensor_id, expected, coalesce(valid, 0L) AS valid, coalesce(out_of_range, 0L) AS out_of_range,
      coalesce(unknown, 0L) AS unknown, coalesce(rejected, 0L) AS rejected, coalesce(duplicates, 0L) AS duplicates,
      coalesce(conflicts, 0L) AS conflicts, coalesce(late, 0L) AS late, coalesce(stuck, 0L) AS stuck, coalesce(jumps, 0L) AS jumps
    FROM stored FULL JOIN counted USING (day, bucket, sensor_id)
  ), summed AS (
    SELECT *, valid + out_of_range + unknown + rejected + duplicates + conflicts AS received FROM minute
  )
  SELECT day, bucket, sensor_id, expected, received, valid, out_of_range, unknown, rejected, duplicates, conflicts, late, stuck,
    jumps, score_of(expected, received, duplicates, valid)
  FROM summed;
DELETE FROM delta.`${lake}/gold/data_quality_1min` WHERE array_contains(without_minutes, day);

INSERT OVERWRITE TABLE delta.`${lake}/gold/data_quality_hourly`
  SELECT * FROM (
    SELECT *, score_of(expected, received, duplicates, valid) AS score FROM (
      SELECT day, date_trunc('hour', bucket) AS bucket, sensor_id, CAST(sum(expected) AS DECIMAL(30,12)) AS expected, sum(received) AS received,
        sum(valid) AS valid, sum(out_of_range), sum(unknown), sum(rejected), sum(duplicates) AS duplicates, sum(conflicts), sum(late),
        sum(stuck), sum(jumps)
      FROM delta.`${lake}/gold/data_quality_1min` WHERE array_contains(due, day)
      GROUP BY day, date_trunc('hour', bucket), sensor_id
    )
  );
DELETE FROM delta.`${lake}/gold/data_quality_hourly` WHERE array_contains(without_minutes, day);

INSERT OVERWRITE TABLE delta.`${lake}/gold/data_quality_daily`
  SELECT *, CASE WHEN score > 95 THEN 'good' WHEN score >= 80 THEN 'warning' WHEN score < 80 THEN 'critical' END FROM (
    SELECT *, score_of(expected, received, duplicates, valid) AS score FROM (
      SELECT day, date_trunc('day', bucket) AS bucket, sensor_id, CAST(sum(expected) AS DECIMAL(30,12)) AS expected, sum(received) AS received,
        sum(valid) AS valid, sum(out_of_range), sum(unknown), sum(rejected), sum(duplicates) AS duplicates, sum(conflicts), sum(late),
        sum(stuck), sum(jumps)
      FROM delta.`${lake}/gold/data_quality_hourly` WHERE array_contains(due, day)
      GROUP BY day, date_trunc('day', bucket), sensor_id
    )
  );
DELETE FROM delta.`${lake}/gold/data_quality_daily` WHERE array_contains(without_minutes, day);

MERGE INTO delta.`${lake}/day` d USING (SELECT explode(due) AS day) m ON d.day = m.day
  WHEN MATCHED THEN UPDATE SET gold_at = began;
