-- How much energy did each site use on each day (yesterday and today, unless asked for more)?
--
-- One row a UTC day and location: voltage times current of each minute that has both, added up. `minutes` says how much
-- of the day that is (1440 are all); minutes without readings count nothing. Watts and kilowatt-hours, of volts and
-- amperes.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS location, -- only this location; NULL: all
    (now() AT TIME ZONE 'UTC' - INTERVAL '1 day')::date AS first_day, -- from this UTC day on
    (now() AT TIME ZONE 'UTC')::date AS last_day -- up to this one, which counts
), meter AS MATERIALIZED (
  SELECT s.sensor_id, s.location, lower(s.quantity) = 'voltage' AS is_voltage
  FROM params p
  JOIN silver.sensor s
    ON lower(s.quantity) IN ('voltage', 'current') AND s.location IS NOT NULL
    AND (p.location IS NULL OR s.location = p.location)
), minute AS (
  SELECT g.bucket, m.location,
         avg(g.val_mean) FILTER (WHERE m.is_voltage) * avg(g.val_mean) FILTER (WHERE NOT m.is_voltage) AS power
  FROM params p
  JOIN gold.reading_1min_mean g
    ON g.bucket >= p.first_day::timestamp AT TIME ZONE 'UTC' AND g.bucket < (p.last_day + 1)::timestamp AT TIME ZONE 'UTC'
  JOIN meter m ON m.sensor_id = g.sensor_id
  GROUP BY g.bucket, m.location
)
SELECT date_trunc('day', bucket, 'UTC') AS bucket, location, sum(power) / 60 / 1000 AS kwh, avg(power) AS mean_power,
       max(power) AS peak_power, count(*) AS minutes
FROM minute
WHERE power IS NOT NULL
GROUP BY 1, location
ORDER BY 1 DESC, location;
