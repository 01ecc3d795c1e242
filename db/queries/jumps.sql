-- Which readings changed faster than their sensor can?
--
-- One row a reading, the newest first, beside the valid reading before it. `per_second` is how fast the value moved, and
-- `max_step_per_s` what the registry allows. A spike within the sensor's range shows twice, on its way there and back;
-- one outside of it shows once.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
)
SELECT r.time, r.sensor_id, r.value, r.quality, b.time AS before_time, b.value AS before_value,
       abs(r.value - b.value) / extract(epoch FROM r.time - b.time)::float8 AS per_second, d.max_step_per_s
FROM params p
-- The hours that have some are few: they save reading all the others.
JOIN gold.data_quality_hourly q
  ON q.jumps > 0 AND q.bucket > p.since - INTERVAL '1 hour' AND q.bucket < p.until
  AND (p.sensor IS NULL OR q.sensor_id = p.sensor)
JOIN silver.sensor_reading r
  ON r.sensor_id = q.sensor_id AND r.time >= q.bucket AND r.time < q.bucket + INTERVAL '1 hour'
  AND r.time >= p.since AND r.time < p.until AND r.jump
LEFT JOIN LATERAL (
  SELECT time, value FROM silver.sensor_reading
  WHERE sensor_id = r.sensor_id AND time < r.time AND quality = 'valid' ORDER BY time DESC LIMIT 1
) b ON true
LEFT JOIN silver.sensor d ON d.sensor_id = r.sensor_id
ORDER BY r.time DESC, r.sensor_id;
