-- What were mean, least and greatest value of each day of a time zone?
--
-- As daily-mean, with days that begin at midnight in `time_zone`; those on which the clocks change have 23 or 25 hours.
-- Made of the one-minute means, each counted by its readings.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Europe/Berlin'::text AS time_zone, -- a name of pg_timezone_names
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '6 days')::date AS first_day, -- from this day of the time zone on
    now()::date AS last_day -- up to this one, which counts
)
SELECT (g.bucket AT TIME ZONE p.time_zone)::date AS day, g.sensor_id, sum(g.val_mean * g.n) / sum(g.n) AS val_mean,
       min(g.val_min) AS val_min, max(g.val_max) AS val_max, sum(g.n) AS n
FROM params p
JOIN gold.reading_1min_mean g
  ON g.bucket >= p.first_day::timestamp AT TIME ZONE p.time_zone
  AND g.bucket < (p.last_day + 1)::timestamp AT TIME ZONE p.time_zone
  AND (p.sensor IS NULL OR g.sensor_id = p.sensor)
GROUP BY 1, g.sensor_id
ORDER BY 1 DESC, g.sensor_id;
