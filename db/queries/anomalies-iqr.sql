-- Which readings are outliers (interquartile range; of the last hour, unless asked for more)?
--
-- One row a valid reading that is more than `factor` times the interquartile range below the lower or above the upper
-- quartile of its sensor in that time, the newest first; the limits stand beside it. Unlike the z-score this is not
-- moved by the outliers themselves. 1.5 is the usual factor, 3 finds only what is far out.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    1.5::double precision AS factor -- how many interquartile ranges are still usual
), reading AS MATERIALIZED (
  SELECT r.time, r.sensor_id, r.value
  FROM params p
  JOIN silver.sensor_reading r
    ON r.time >= p.since AND r.time < p.until AND r.quality = 'valid' AND (p.sensor IS NULL OR r.sensor_id = p.sensor)
), quartile AS (
  SELECT sensor_id, percentile_cont(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY value) AS q FROM reading GROUP BY sensor_id
), usual AS (
  SELECT q.sensor_id, q[1] - p.factor * (q[2] - q[1]) AS lower_limit, q[2] + p.factor * (q[2] - q[1]) AS upper_limit
  FROM params p CROSS JOIN quartile q
)
SELECT r.time, r.sensor_id, r.value, u.lower_limit, u.upper_limit
FROM usual u
JOIN reading r ON r.sensor_id = u.sensor_id AND (r.value < u.lower_limit OR r.value > u.upper_limit)
ORDER BY r.time DESC, r.sensor_id;
