-- How are the values of a sensor distributed?
--
-- One row a class of values, from the least valid reading of the time to the greatest; `to_value` belongs to the next
-- class, except in the last one. `bar` draws `percent`.
-- For TimescaleDB: histogram() counts in one pass.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    10::integer AS classes -- how many classes
), span AS (
  SELECT min(r.value) AS lowest, max(r.value) AS highest, count(*) AS n
  FROM params p
  JOIN silver.sensor_reading r
    ON r.sensor_id = p.sensor AND r.time >= p.since AND r.time < p.until AND r.quality = 'valid'
), counted AS (
  -- Its first and last count are of what is outside; the greatest value is. Where all are equal there is no width.
  SELECT histogram(r.value, s.lowest, CASE WHEN s.lowest < s.highest THEN s.highest ELSE s.lowest + 1 END, p.classes) AS n
  FROM params p
  CROSS JOIN span s
  JOIN silver.sensor_reading r
    ON r.sensor_id = p.sensor AND r.time >= p.since AND r.time < p.until AND r.quality = 'valid'
), class AS (
  SELECT c.class, (h.n[c.class + 1] + CASE WHEN c.class = p.classes THEN h.n[c.class + 2] ELSE 0 END)::bigint AS n
  FROM params p
  CROSS JOIN counted h
  CROSS JOIN LATERAL generate_series(1, p.classes) AS c (class)
)
SELECT c.class, s.lowest + (s.highest - s.lowest) * (c.class - 1) / p.classes AS from_value,
       s.lowest + (s.highest - s.lowest) * c.class / p.classes AS to_value, c.n,
       round(100.0 * c.n / s.n, 1) AS percent, repeat('█', round(50.0 * c.n / s.n)::int) AS bar
FROM params p
JOIN span s ON s.n > 0
CROSS JOIN class c
ORDER BY c.class;
