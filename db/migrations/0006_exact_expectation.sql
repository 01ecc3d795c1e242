-- Up Migration

-- Six digits a minute were too few: five readings of a 12-minute sensor added up to 4.9998.
CREATE FUNCTION gold.whole_readings(expected numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN floor(coalesce(expected, 0) + 0.000001);

COMMENT ON FUNCTION gold.whole_readings IS 'How many whole readings were expected. Minutes are kept with 12 digits: what their sum lacks of a whole number by rounding is given back. Nothing registered: 0.';

CREATE FUNCTION gold.missing_readings(expected numeric, received bigint, duplicates bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN expected IS NOT NULL THEN greatest(gold.whole_readings(expected) - (received - duplicates), 0) END;

COMMENT ON FUNCTION gold.missing_readings IS 'How many of the readings that were expected did not come; duplicates do not count. NULL: nothing is expected, as no interval is registered.';

CREATE OR REPLACE FUNCTION gold.quality_score(expected numeric, received bigint, duplicates bigint, valid bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(100.0 * valid / nullif(greatest(gold.whole_readings(expected), received - duplicates), 0), 1);

-- Minutes that were expected whole, and the first one of a sensor, in which it was first seen. Others have had another
-- interval, and nobody knows which.
UPDATE gold.data_quality_1min q
SET expected = trim_scale(round(e.seconds / s.interval_s, 12))
FROM (
  SELECT sensor_id, seen_at, extract(epoch FROM expected_interval) AS interval_s
  FROM silver.sensor LEFT JOIN silver.seen_sensor USING (sensor_id)
  WHERE expected_interval IS NOT NULL
) s
CROSS JOIN LATERAL (VALUES
  (60, '-infinity'::timestamptz, 'infinity'::timestamptz),
  (60 - extract(second FROM s.seen_at), date_trunc('minute', s.seen_at, 'UTC'), date_trunc('minute', s.seen_at, 'UTC'))
) AS e (seconds, since, until)
WHERE q.sensor_id = s.sensor_id AND q.bucket BETWEEN e.since AND e.until
  AND q.expected = round(e.seconds / s.interval_s, 6) AND q.expected <> round(e.seconds / s.interval_s, 12);

UPDATE gold.data_quality_hourly q SET expected = m.expected
FROM (
  SELECT date_trunc('hour', bucket, 'UTC') AS bucket, sensor_id, sum(expected) AS expected
  FROM gold.data_quality_1min GROUP BY 1, 2
) m
WHERE q.bucket = m.bucket AND q.sensor_id = m.sensor_id AND q.expected <> m.expected;

UPDATE gold.data_quality_daily q SET expected = h.expected
FROM (
  SELECT (bucket AT TIME ZONE 'UTC')::date AS day, sensor_id, sum(expected) AS expected
  FROM gold.data_quality_hourly GROUP BY 1, 2
) h
WHERE q.day = h.day AND q.sensor_id = h.sensor_id AND q.expected <> h.expected;

-- What is the same and counts as one reading more: written again, so that its score is.
UPDATE gold.data_quality_1min SET expected = expected WHERE floor(expected) <> gold.whole_readings(expected);
UPDATE gold.data_quality_hourly SET expected = expected WHERE floor(expected) <> gold.whole_readings(expected);
UPDATE gold.data_quality_daily SET expected = expected WHERE floor(expected) <> gold.whole_readings(expected);

-- Down Migration

CREATE OR REPLACE FUNCTION gold.quality_score(expected numeric, received bigint, duplicates bigint, valid bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(100.0 * valid / nullif(greatest(floor(coalesce(expected, 0)), received - duplicates), 0), 1);
DROP FUNCTION gold.missing_readings, gold.whole_readings;
