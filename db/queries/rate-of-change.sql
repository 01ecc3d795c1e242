-- How fast does a sensor rise or fall?
--
-- One row a sensor and minute: the change of the minute's mean against the minute before that has readings, and the
-- same per hour. Both are empty after a gap of more than `max_gap`.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor; NULL: all
    (now() - INTERVAL '3 hours')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    INTERVAL '5 minutes'::interval AS max_gap -- longer gaps are not bridged
), step AS (
  SELECT g.bucket, g.sensor_id, g.val_mean,
         g.val_mean - lag(g.val_mean) OVER sensor_time AS change,
         g.bucket - lag(g.bucket) OVER sensor_time AS took
  FROM params p
  JOIN gold.reading_1min_mean g
    ON g.bucket >= p.since - p.max_gap AND g.bucket < p.until AND (p.sensor IS NULL OR g.sensor_id = p.sensor)
  WINDOW sensor_time AS (PARTITION BY g.sensor_id ORDER BY g.bucket)
)
SELECT s.bucket, s.sensor_id, s.val_mean,
       CASE WHEN s.took <= p.max_gap THEN s.change END AS change,
       CASE WHEN s.took <= p.max_gap THEN s.change * 3600 / extract(epoch FROM s.took)::float8 END AS change_per_hour
FROM params p
JOIN step s ON s.bucket >= p.since
ORDER BY s.sensor_id, s.bucket;
