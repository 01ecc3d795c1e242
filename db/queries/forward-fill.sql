-- What was the value at each step, when the last one known counts until the next?
--
-- One row a step (by its start), without gaps: the last valid reading up to its end, and when that was measured.
-- `carried`: it was measured before the step. Empty until the first reading. For analyses that need a value everywhere.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    INTERVAL '1 minute'::interval AS step -- how far the rows are apart; no months
)
SELECT b.bucket, r.value, r.time AS measured_at, r.time < b.bucket AS carried
FROM params p
CROSS JOIN LATERAL generate_series(
  date_bin(p.step, p.since, TIMESTAMPTZ '2000-01-03 00:00Z'), p.until - INTERVAL '1 microsecond', p.step
) AS b (bucket)
LEFT JOIN LATERAL (
  SELECT time, value FROM silver.sensor_reading
  WHERE sensor_id = p.sensor AND time < least(b.bucket + p.step, p.until) AND quality = 'valid'
  ORDER BY time DESC LIMIT 1
) r ON true
ORDER BY b.bucket;
