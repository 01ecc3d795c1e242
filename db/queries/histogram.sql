-- How are the values of a sensor distributed?
--
-- One row a class of values, from the least valid reading of the time to the greatest; `to_value` belongs to the next
-- class, except in the last one. `bar` draws `percent`.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    10::integer AS classes -- how many classes
), reading AS (
  SELECT r.value
  FROM params p
  JOIN silver.sensor_reading r
    ON r.sensor_id = p.sensor AND r.time >= p.since AND r.time < p.until AND r.quality = 'valid'
), span AS (
  SELECT min(value) AS lowest, max(value) AS highest, count(*) AS n FROM reading
), counted AS (
  -- The greatest value would stand in a class of its own; and where all are equal there is no width.
  SELECT CASE WHEN s.lowest = s.highest THEN 1
              ELSE least(width_bucket(r.value, s.lowest, s.highest, p.classes), p.classes) END AS class,
         count(*) AS n
  FROM params p CROSS JOIN span s CROSS JOIN reading r
  GROUP BY class
)
SELECT c.class, s.lowest + (s.highest - s.lowest) * (c.class - 1) / p.classes AS from_value,
       s.lowest + (s.highest - s.lowest) * c.class / p.classes AS to_value, coalesce(h.n, 0) AS n,
       round(100.0 * coalesce(h.n, 0) / s.n, 1) AS percent,
       repeat('█', round(50.0 * coalesce(h.n, 0) / s.n)::int) AS bar
FROM params p
JOIN span s ON s.n > 0
CROSS JOIN LATERAL generate_series(1, p.classes) AS c (class)
LEFT JOIN counted h USING (class)
ORDER BY c.class;
