-- Which readings are outside the plausible range of their sensor?
--
-- One row a reading, the newest first, with the limits of the registry as they are now. Such readings are stored and in
-- no mean.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
)
SELECT r.time, r.sensor_id, r.value, d.min_value, d.max_value, d.unit
FROM params p
-- The hours that have some are few: they save reading all the others.
JOIN gold.data_quality_hourly q
  ON q.out_of_range > 0 AND q.bucket > p.since - INTERVAL '1 hour' AND q.bucket < p.until
  AND (p.sensor IS NULL OR q.sensor_id = p.sensor)
JOIN silver.sensor_reading r
  ON r.sensor_id = q.sensor_id AND r.time >= q.bucket AND r.time < q.bucket + INTERVAL '1 hour'
  AND r.time >= p.since AND r.time < p.until AND r.quality = 'out_of_range'
LEFT JOIN silver.sensor d ON d.sensor_id = r.sensor_id
ORDER BY r.time DESC, r.sensor_id;
