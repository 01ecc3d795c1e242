-- What is the moving average of a sensor?
--
-- One row a sensor and minute: its mean, and the mean of all valid readings of the `span` that ends with it.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor; NULL: all
    (now() - INTERVAL '3 hours')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    INTERVAL '15 minutes'::interval AS span -- how much time is averaged; whole minutes
), moving AS (
  SELECT g.bucket, g.sensor_id, g.val_mean, sum(g.val_mean * g.n) OVER window_ / sum(g.n) OVER window_ AS moving_mean,
         sum(g.n) OVER window_ AS n
  FROM params p
  JOIN gold.reading_1min_mean g
    ON g.bucket >= p.since - p.span AND g.bucket < p.until AND (p.sensor IS NULL OR g.sensor_id = p.sensor)
  WINDOW window_ AS (
    PARTITION BY g.sensor_id ORDER BY g.bucket
    RANGE (SELECT span - INTERVAL '1 minute' FROM params) PRECEDING
  )
)
SELECT m.bucket, m.sensor_id, m.val_mean, m.moving_mean, m.n
FROM params p
JOIN moving m ON m.bucket >= p.since
ORDER BY m.sensor_id, m.bucket;
