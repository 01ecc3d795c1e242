-- Which sensors changed most?
--
-- The mean of the `span` before `at` beside the mean of a span that is `back` older; one row a sensor that has valid
-- readings in both, the greatest change first. Changes of sensors with different units do not compare: ask by quantity.
WITH params AS NOT MATERIALIZED (
  SELECT
    now()::timestamptz AS at, -- the end of the newer span
    INTERVAL '1 hour'::interval AS span, -- how long both spans are
    INTERVAL '1 hour'::interval AS back, -- how much older the other span is
    NULL::text AS quantity, -- only sensors of this quantity; NULL: all
    10::integer AS top -- how many sensors
)
SELECT g.sensor_id, s.quantity, s.unit, old.val_mean AS mean_before, new.val_mean AS mean_now,
       new.val_mean - old.val_mean AS change
FROM params p
CROSS JOIN silver.seen_sensor g
JOIN silver.sensor s ON s.sensor_id = g.sensor_id AND (p.quantity IS NULL OR s.quantity = p.quantity)
CROSS JOIN LATERAL (
  SELECT sum(val_mean * n) / sum(n) AS val_mean FROM gold.reading_1min_mean
  WHERE sensor_id = g.sensor_id AND bucket >= p.at - p.span AND bucket < p.at
) new
CROSS JOIN LATERAL (
  SELECT sum(val_mean * n) / sum(n) AS val_mean FROM gold.reading_1min_mean
  WHERE sensor_id = g.sensor_id AND bucket >= p.at - p.back - p.span AND bucket < p.at - p.back
) old
WHERE new.val_mean IS NOT NULL AND old.val_mean IS NOT NULL
ORDER BY abs(new.val_mean - old.val_mean) DESC, g.sensor_id
LIMIT (SELECT top FROM params);
