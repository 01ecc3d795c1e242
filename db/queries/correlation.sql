-- Which sensors move together (a named one with all, or the first 40 with each other)?
--
-- One row a pair of sensors: the correlation of their one-minute means over the minutes that both have; 1: they rise and
-- fall together, -1: one rises as the other falls, 0: nothing in common; empty where one of them did not move at all.
-- The strongest first. All pairs of many sensors are very many: without a name, the first `among` of them by their ids.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only pairs with this sensor; NULL: pairs of the first `among`
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    30::integer AS min_minutes, -- pairs with fewer minutes in common are left out
    40::integer AS among -- of how many sensors all pairs are made, where none is named
), first AS (
  SELECT sensor_id FROM silver.sensor ORDER BY sensor_id LIMIT (SELECT among FROM params WHERE sensor IS NULL)
), minute AS MATERIALIZED (
  SELECT g.bucket, g.sensor_id, g.val_mean
  FROM params p
  JOIN gold.reading_1min_mean g
    ON g.bucket >= p.since AND g.bucket < p.until
    AND (p.sensor IS NOT NULL OR g.sensor_id IN (SELECT sensor_id FROM first))
), pair AS (
  SELECT a.sensor_id AS sensor_a, b.sensor_id AS sensor_b, corr(a.val_mean, b.val_mean) AS correlation,
         min(a.val_mean) < max(a.val_mean) AND min(b.val_mean) < max(b.val_mean) AS both_move, count(*) AS minutes
  FROM params p
  JOIN minute a ON p.sensor IS NULL OR a.sensor_id = p.sensor
  JOIN minute b
    ON b.bucket = a.bucket AND CASE WHEN p.sensor IS NULL THEN a.sensor_id < b.sensor_id ELSE b.sensor_id <> a.sensor_id END
  GROUP BY a.sensor_id, b.sensor_id
)
SELECT sensor_a, sensor_b, CASE WHEN both_move THEN correlation END AS correlation, minutes
FROM params p
JOIN pair ON pair.minutes >= p.min_minutes
ORDER BY round(abs(CASE WHEN both_move THEN correlation END)::numeric, 9) DESC NULLS LAST, sensor_a, sensor_b;
