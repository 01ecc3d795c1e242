-- What were the first and the last value of each sensor in a time, and how much did it change?
--
-- One row a sensor with a valid reading in that time. `change` is the last value less the first one.
WITH params AS NOT MATERIALIZED (
  SELECT
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    NULL::text AS sensor -- only this sensor; NULL: all
)
SELECT s.sensor_id, f.time AS first_time, f.value AS first_value, l.time AS last_time, l.value AS last_value,
       l.value - f.value AS change, d.unit
FROM params p
JOIN silver.seen_sensor s ON p.sensor IS NULL OR s.sensor_id = p.sensor
CROSS JOIN LATERAL (
  SELECT time, value FROM silver.sensor_reading
  WHERE sensor_id = s.sensor_id AND time >= p.since AND time < p.until AND quality = 'valid'
  ORDER BY time LIMIT 1
) f
CROSS JOIN LATERAL (
  SELECT time, value FROM silver.sensor_reading
  WHERE sensor_id = s.sensor_id AND time >= p.since AND time < p.until AND quality = 'valid'
  ORDER BY time DESC LIMIT 1
) l
LEFT JOIN silver.sensor d ON d.sensor_id = s.sensor_id
ORDER BY s.sensor_id;
