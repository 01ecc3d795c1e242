-- What were mean, least and greatest value of each day of a time zone?
--
-- As daily-mean, with days that begin at midnight in `time_zone`; those on which the clocks change have 23 or 25 hours.
-- Made of hourly means, and of one-minute means where a midnight cuts an hour, each counted by its readings.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Europe/Berlin'::text AS time_zone, -- a name of pg_timezone_names
    NULL::text AS sensor, -- only this sensor; NULL: all
    NULL::date AS first_day, -- from this day of the time zone on; NULL: six days before the last one
    NULL::date AS last_day -- up to this one, which counts; NULL: the present day of the time zone
), wanted AS (
  SELECT coalesce(first_day, last - 6) AS first_day, last AS last_day
  FROM params CROSS JOIN LATERAL (SELECT coalesce(last_day, (now() AT TIME ZONE time_zone)::date) AS last) d
), day AS (
  SELECT d.day::date AS day, d.day AT TIME ZONE p.time_zone AS since,
         (d.day + INTERVAL '1 day') AT TIME ZONE p.time_zone AS until
  FROM params p CROSS JOIN wanted w
  CROSS JOIN LATERAL generate_series(w.first_day::timestamp, w.last_day::timestamp, INTERVAL '1 day') AS d (day)
), hours AS (
  -- The whole hours of each day; what is left of it before and behind them are minutes.
  SELECT day, since, until, date_bin('1 hour', since + INTERVAL '59 min 59.999999 s', TIMESTAMPTZ '2000-01-01 00:00Z') AS first,
         date_bin('1 hour', until, TIMESTAMPTZ '2000-01-01 00:00Z') AS last
  FROM day
), part AS (
  SELECT h.day, m.sensor_id, m.val_mean, m.val_min, m.val_max, m.n
  FROM params p CROSS JOIN hours h
  JOIN gold.hourly_mean m ON m.bucket >= h.first AND m.bucket < h.last AND (p.sensor IS NULL OR m.sensor_id = p.sensor)
  UNION ALL
  SELECT h.day, m.sensor_id, m.val_mean, m.val_min, m.val_max, m.n
  FROM params p CROSS JOIN hours h
  CROSS JOIN LATERAL (VALUES (h.since, least(h.first, h.until)), (greatest(h.last, h.first), h.until)) AS edge (since, until)
  JOIN gold.reading_1min_mean m
    ON m.bucket >= edge.since AND m.bucket < edge.until AND edge.since < edge.until
    AND (p.sensor IS NULL OR m.sensor_id = p.sensor)
)
SELECT day, sensor_id, sum(val_mean * n) / sum(n) AS val_mean, min(val_min) AS val_min, max(val_max) AS val_max, sum(n) AS n
FROM part
GROUP BY day, sensor_id
ORDER BY day DESC, sensor_id;
