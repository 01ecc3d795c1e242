-- Up Migration

CREATE TABLE gold.hourly_mean (
  bucket    timestamptz      NOT NULL,
  sensor_id varchar(50)      NOT NULL,
  val_mean  double precision NOT NULL,
  val_min   double precision NOT NULL,
  val_max   double precision NOT NULL,
  n         bigint           NOT NULL,
  PRIMARY KEY (bucket, sensor_id)
);
CREATE INDEX hourly_mean_sensor_idx ON gold.hourly_mean (sensor_id, bucket DESC);

COMMENT ON TABLE gold.hourly_mean IS 'Mean, least and greatest value of each sensor and hour, made of gold.reading_1min_mean in the same refresh; valid readings only.';
COMMENT ON COLUMN gold.hourly_mean.bucket IS 'The hour, by its start (UTC).';
COMMENT ON COLUMN gold.hourly_mean.sensor_id IS 'See silver.sensor.';
COMMENT ON COLUMN gold.hourly_mean.val_mean IS 'Arithmetic mean of the valid values.';
COMMENT ON COLUMN gold.hourly_mean.val_min IS 'Least valid value.';
COMMENT ON COLUMN gold.hourly_mean.val_max IS 'Greatest valid value.';
COMMENT ON COLUMN gold.hourly_mean.n IS 'How many valid readings the hour has.';

CREATE TABLE gold.daily_mean (
  day       date             NOT NULL,
  sensor_id varchar(50)      NOT NULL,
  val_mean  double precision NOT NULL,
  val_min   double precision NOT NULL,
  val_max   double precision NOT NULL,
  n         bigint           NOT NULL,
  PRIMARY KEY (day, sensor_id)
);
CREATE INDEX daily_mean_sensor_idx ON gold.daily_mean (sensor_id, day DESC);

COMMENT ON TABLE gold.daily_mean IS 'Mean, least and greatest value of each sensor and UTC day, made of gold.hourly_mean in the same refresh; valid readings only.';
COMMENT ON COLUMN gold.daily_mean.day IS 'The UTC day.';
COMMENT ON COLUMN gold.daily_mean.sensor_id IS 'See silver.sensor.';
COMMENT ON COLUMN gold.daily_mean.val_mean IS 'Arithmetic mean of the valid values.';
COMMENT ON COLUMN gold.daily_mean.val_min IS 'Least valid value.';
COMMENT ON COLUMN gold.daily_mean.val_max IS 'Greatest valid value.';
COMMENT ON COLUMN gold.daily_mean.n IS 'How many valid readings the day has.';

-- 100 × valid / max(whole readings expected, distinct lines received); NULL where none was expected and none came.
CREATE FUNCTION gold.quality_score(expected numeric, received bigint, duplicates bigint, valid bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(100.0 * valid / nullif(greatest(floor(coalesce(expected, 0)), received - duplicates), 0), 1);

COMMENT ON FUNCTION gold.quality_score IS 'Score 0 to 100: valid readings, of those that were expected or (where more came) that came; duplicates do not count. NULL: nothing expected, nothing came.';

CREATE FUNCTION gold.quality_verdict(score numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN score > 95 THEN 'good' WHEN score >= 80 THEN 'warning' WHEN score < 80 THEN 'critical' END;

COMMENT ON FUNCTION gold.quality_verdict IS 'good: a score over 95; warning: 80 to 95; critical: below 80.';

CREATE TABLE gold.data_quality_1min (
  bucket       timestamptz NOT NULL,
  sensor_id    varchar(50) NOT NULL,
  expected     numeric,
  received     bigint NOT NULL,
  valid        bigint NOT NULL,
  out_of_range bigint NOT NULL,
  unknown      bigint NOT NULL,
  rejected     bigint NOT NULL,
  duplicates   bigint NOT NULL,
  conflicts    bigint NOT NULL,
  late         bigint NOT NULL,
  stuck        bigint NOT NULL,
  jumps        bigint NOT NULL,
  score        numeric GENERATED ALWAYS AS (gold.quality_score(expected, received, duplicates, valid)) STORED,
  PRIMARY KEY (bucket, sensor_id)
);
CREATE INDEX data_quality_1min_sensor_idx ON gold.data_quality_1min (sensor_id, bucket DESC);

CREATE TABLE gold.data_quality_hourly (LIKE gold.data_quality_1min INCLUDING GENERATED);
ALTER TABLE gold.data_quality_hourly ADD PRIMARY KEY (bucket, sensor_id);
CREATE INDEX data_quality_hourly_sensor_idx ON gold.data_quality_hourly (sensor_id, bucket DESC);

CREATE TABLE gold.data_quality_daily (
  day          date NOT NULL,
  sensor_id    varchar(50) NOT NULL,
  expected     numeric,
  received     bigint NOT NULL,
  valid        bigint NOT NULL,
  out_of_range bigint NOT NULL,
  unknown      bigint NOT NULL,
  rejected     bigint NOT NULL,
  duplicates   bigint NOT NULL,
  conflicts    bigint NOT NULL,
  late         bigint NOT NULL,
  stuck        bigint NOT NULL,
  jumps        bigint NOT NULL,
  score        numeric GENERATED ALWAYS AS (gold.quality_score(expected, received, duplicates, valid)) STORED,
  verdict      text GENERATED ALWAYS AS (gold.quality_verdict(gold.quality_score(expected, received, duplicates, valid))) STORED,
  PRIMARY KEY (day, sensor_id)
);
CREATE INDEX data_quality_daily_sensor_idx ON gold.data_quality_daily (sensor_id, day DESC);

COMMENT ON TABLE gold.data_quality_1min IS 'What came of each sensor in each minute. A sensor with an expected_interval has a row for each minute since it was first seen, also where nothing came.';
COMMENT ON TABLE gold.data_quality_hourly IS 'gold.data_quality_1min, added up by hour.';
COMMENT ON TABLE gold.data_quality_daily IS 'gold.data_quality_1min, added up by UTC day, with a verdict.';
DO $$
DECLARE
  quality regclass;
BEGIN
  FOREACH quality IN ARRAY ARRAY['gold.data_quality_1min', 'gold.data_quality_hourly', 'gold.data_quality_daily']::regclass[] LOOP
    EXECUTE format('COMMENT ON COLUMN %s.sensor_id IS %L', quality, 'The id that the sensor sent; see silver.sensor.');
    EXECUTE format('COMMENT ON COLUMN %s.expected IS %L', quality, 'How many readings expected_interval of silver.sensor lets expect, up to the last refresh; NULL: no interval is registered.');
    EXECUTE format('COMMENT ON COLUMN %s.received IS %L', quality, 'Lines that came: valid + out_of_range + unknown + rejected + duplicates + conflicts.');
    EXECUTE format('COMMENT ON COLUMN %s.valid IS %L', quality, 'Stored, of a registered sensor and within its range.');
    EXECUTE format('COMMENT ON COLUMN %s.out_of_range IS %L', quality, 'Stored, outside min_value..max_value.');
    EXECUTE format('COMMENT ON COLUMN %s.unknown IS %L', quality, 'Stored, of a sensor that was not registered.');
    EXECUTE format('COMMENT ON COLUMN %s.rejected IS %L', quality, 'Not stored: see silver.rejected_line.');
    EXECUTE format('COMMENT ON COLUMN %s.duplicates IS %L', quality, 'Came again with the same value; stored once.');
    EXECUTE format('COMMENT ON COLUMN %s.conflicts IS %L', quality, 'Came again with another value: see silver.conflicting_reading.');
    EXECUTE format('COMMENT ON COLUMN %s.late IS %L', quality, 'Of the stored ones, those that came late.');
    EXECUTE format('COMMENT ON COLUMN %s.stuck IS %L', quality, 'Of the stored ones, those of a value that the sensor has repeated for too long.');
    EXECUTE format('COMMENT ON COLUMN %s.jumps IS %L', quality, 'Of the stored ones, those that changed too fast.');
    EXECUTE format('COMMENT ON COLUMN %s.score IS %L', quality, '0 to 100: valid, of those expected or (where more came) those that came. NULL: nothing expected, nothing came.');
  END LOOP;
END
$$;
COMMENT ON COLUMN gold.data_quality_1min.bucket IS 'The minute, by its start (UTC).';
COMMENT ON COLUMN gold.data_quality_hourly.bucket IS 'The hour, by its start (UTC).';
COMMENT ON COLUMN gold.data_quality_daily.day IS 'The UTC day.';
COMMENT ON COLUMN gold.data_quality_daily.verdict IS 'good: a score over 95; warning: 80 to 95; critical: below 80.';

-- One row on purpose: up to here the minutes in which nothing came have their rows.
CREATE TABLE gold.quality_watermark (
  one       boolean PRIMARY KEY DEFAULT true CHECK (one),
  filled_to timestamptz NOT NULL
);

COMMENT ON TABLE gold.quality_watermark IS 'How far gold.data_quality_1min is complete; one row.';
COMMENT ON COLUMN gold.quality_watermark.one IS 'Always true.';
COMMENT ON COLUMN gold.quality_watermark.filled_to IS 'Minutes before this one have a row for each sensor with an expected_interval.';

CREATE VIEW silver.latest_reading AS
SELECT seen.sensor_id, r.time, r.value, s.unit, s.quantity, s.location, r.quality, r.late, r.stuck, r.jump
FROM silver.seen_sensor seen
CROSS JOIN LATERAL (
  SELECT * FROM silver.sensor_reading WHERE sensor_id = seen.sensor_id ORDER BY time DESC LIMIT 1
) r
LEFT JOIN silver.sensor s ON s.sensor_id = seen.sensor_id;

COMMENT ON VIEW silver.latest_reading IS 'The newest reading of each sensor, registered or not.';
COMMENT ON COLUMN silver.latest_reading.sensor_id IS 'The id that the sensor sent.';
COMMENT ON COLUMN silver.latest_reading.time IS 'When the sensor measured.';
COMMENT ON COLUMN silver.latest_reading.value IS 'The value as sent.';
COMMENT ON COLUMN silver.latest_reading.unit IS 'Unit of the value; NULL: the sensor is not registered.';
COMMENT ON COLUMN silver.latest_reading.quantity IS 'What is measured.';
COMMENT ON COLUMN silver.latest_reading.location IS 'Where the sensor is.';
COMMENT ON COLUMN silver.latest_reading.quality IS 'valid, out_of_range or unknown_sensor; see silver.sensor_reading.';
COMMENT ON COLUMN silver.latest_reading.late IS 'See silver.sensor_reading.';
COMMENT ON COLUMN silver.latest_reading.stuck IS 'See silver.sensor_reading.';
COMMENT ON COLUMN silver.latest_reading.jump IS 'See silver.sensor_reading.';

CREATE VIEW silver.silent_sensor AS
SELECT s.sensor_id, s.quantity, s.location, s.expected_interval, r.time AS last_time, now() - r.time AS silent_for
FROM silver.sensor s
LEFT JOIN LATERAL (
  SELECT time FROM silver.sensor_reading WHERE sensor_id = s.sensor_id ORDER BY time DESC LIMIT 1
) r ON true
WHERE s.expected_interval IS NOT NULL AND (r.time IS NULL OR r.time < now() - 3 * s.expected_interval);

COMMENT ON VIEW silver.silent_sensor IS 'Registered sensors with an expected_interval that have sent nothing for three of their intervals.';
COMMENT ON COLUMN silver.silent_sensor.sensor_id IS 'See silver.sensor.';
COMMENT ON COLUMN silver.silent_sensor.quantity IS 'What is measured.';
COMMENT ON COLUMN silver.silent_sensor.location IS 'Where the sensor is.';
COMMENT ON COLUMN silver.silent_sensor.expected_interval IS 'See silver.sensor.';
COMMENT ON COLUMN silver.silent_sensor.last_time IS 'Time of its newest reading; NULL: it has never sent one.';
COMMENT ON COLUMN silver.silent_sensor.silent_for IS 'How long ago that was.';

CREATE VIEW gold.daily_power AS
SELECT day, location, val_mean[1] AS mean_voltage, val_mean[2] AS mean_current, val_mean[1] * val_mean[2] AS mean_power
FROM (
  SELECT d.day, s.location, ARRAY[
    sum(d.val_mean * d.n) FILTER (WHERE lower(s.quantity) = 'voltage') / sum(d.n) FILTER (WHERE lower(s.quantity) = 'voltage'),
    sum(d.val_mean * d.n) FILTER (WHERE lower(s.quantity) = 'current') / sum(d.n) FILTER (WHERE lower(s.quantity) = 'current')
  ] AS val_mean
  FROM gold.daily_mean d JOIN silver.sensor s USING (sensor_id)
  WHERE lower(s.quantity) IN ('voltage', 'current') AND s.location IS NOT NULL
    -- A product that no double can hold would be an error, for every site.
    AND (d.val_mean = 0 OR abs(d.val_mean) BETWEEN '1e-100'::float8 AND '1e100'::float8)
  GROUP BY d.day, s.location
) site
WHERE val_mean[1] IS NOT NULL AND val_mean[2] IS NOT NULL;

COMMENT ON VIEW gold.daily_power IS 'Mean voltage times mean current of each UTC day, for each location that has sensors of both quantities; valid readings only.';
COMMENT ON COLUMN gold.daily_power.day IS 'The UTC day.';
COMMENT ON COLUMN gold.daily_power.location IS 'The location that the sensors share in silver.sensor.';
COMMENT ON COLUMN gold.daily_power.mean_voltage IS 'Mean of the readings whose quantity is voltage, in their unit.';
COMMENT ON COLUMN gold.daily_power.mean_current IS 'Mean of the readings whose quantity is current, in their unit.';
COMMENT ON COLUMN gold.daily_power.mean_power IS 'Their product: watts where the units are volts and amperes.';

-- The minutes of what is stored already are queued, so that the first refresh makes these tables of it.
INSERT INTO gold.stale_minute (bucket, sensor_id)
SELECT DISTINCT date_trunc('minute', time, 'UTC'), sensor_id FROM silver.sensor_reading;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
    PERFORM create_hypertable('gold.data_quality_1min', by_range('bucket', INTERVAL '30 days'), create_default_indexes => false);
  END IF;
END
$$;

-- Down Migration

DROP VIEW gold.daily_power;
DROP VIEW silver.silent_sensor;
DROP VIEW silver.latest_reading;
DROP TABLE gold.quality_watermark, gold.data_quality_daily, gold.data_quality_hourly, gold.data_quality_1min;
DROP FUNCTION gold.quality_verdict, gold.quality_score;
DROP TABLE gold.daily_mean, gold.hourly_mean;
