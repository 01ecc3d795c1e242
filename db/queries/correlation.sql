-- Which sensors move together?
--
-- One row a pair of sensors: the correlation of their one-minute means over the minutes that both have; 1: they rise and
-- fall together, -1: one rises as the other falls, 0: nothing in common. The strongest first. All pairs of many sensors
-- are very many: name one.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only pairs with this sensor; NULL: all pairs
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    30::integer AS min_minutes -- pairs with fewer minutes in common are left out
)
SELECT a.sensor_id AS sensor_a, b.sensor_id AS sensor_b, corr(a.val_mean, b.val_mean) AS correlation, count(*) AS minutes
FROM params p
JOIN gold.reading_1min_mean a ON a.bucket >= p.since AND a.bucket < p.until
JOIN gold.reading_1min_mean b
  ON b.bucket = a.bucket AND b.bucket >= p.since AND b.bucket < p.until
  AND CASE WHEN p.sensor IS NULL THEN a.sensor_id < b.sensor_id
           ELSE a.sensor_id = p.sensor AND b.sensor_id <> a.sensor_id END
GROUP BY a.sensor_id, b.sensor_id
HAVING count(*) >= (SELECT min_minutes FROM params)
ORDER BY round(abs(corr(a.val_mean, b.val_mean))::numeric, 9) DESC NULLS LAST, a.sensor_id, b.sensor_id;
