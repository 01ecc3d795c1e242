-- What does a typical day of a sensor look like?
--
-- One row a sensor and hour of the day, in `time_zone`: the mean of all its valid readings in that hour, on whatever
-- day, and how many days have some.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor; NULL: all
    (now() - INTERVAL '28 days')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    'UTC'::text AS time_zone -- a name of pg_timezone_names
)
SELECT g.sensor_id, extract(hour FROM g.bucket AT TIME ZONE p.time_zone)::int AS hour,
       sum(g.val_mean * g.n) / sum(g.n) AS val_mean, min(g.val_min) AS val_min, max(g.val_max) AS val_max,
       count(DISTINCT (g.bucket AT TIME ZONE p.time_zone)::date) AS days
FROM params p
JOIN gold.reading_1min_mean g
  ON g.bucket >= p.since AND g.bucket < p.until AND (p.sensor IS NULL OR g.sensor_id = p.sensor)
GROUP BY g.sensor_id, hour
ORDER BY g.sensor_id, hour;
