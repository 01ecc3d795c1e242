-- How much energy did each site use on each day?
--
-- One row a UTC day and location: voltage times current of each minute that has both, added up. `minutes` says how much
-- of the day that is (1440 are all); minutes without readings count nothing. Watts and kilowatt-hours, of volts and
-- amperes.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS location, -- only this location; NULL: all
    (now() AT TIME ZONE 'UTC' - INTERVAL '6 days')::date AS first_day, -- from this UTC day on
    (now() AT TIME ZONE 'UTC')::date AS last_day -- up to this one, which counts
), minute AS (
  SELECT g.bucket, s.location,
         avg(g.val_mean) FILTER (WHERE lower(s.quantity) = 'voltage')
           * avg(g.val_mean) FILTER (WHERE lower(s.quantity) = 'current') AS power
  FROM params p
  JOIN silver.sensor s
    ON lower(s.quantity) IN ('voltage', 'current') AND s.location IS NOT NULL
    AND (p.location IS NULL OR s.location = p.location)
  JOIN gold.reading_1min_mean g
    ON g.sensor_id = s.sensor_id AND g.bucket >= p.first_day::timestamp AT TIME ZONE 'UTC'
    AND g.bucket < (p.last_day + 1)::timestamp AT TIME ZONE 'UTC'
  GROUP BY g.bucket, s.location
)
SELECT (bucket AT TIME ZONE 'UTC')::date AS day, location, sum(power) / 60 / 1000 AS kwh, avg(power) AS mean_power,
       max(power) AS peak_power, count(*) AS minutes
FROM minute
WHERE power IS NOT NULL
GROUP BY 1, location
ORDER BY 1 DESC, location;
