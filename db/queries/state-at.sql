-- What did each sensor say at a past time?
--
-- One row a sensor that had sent by then: its newest reading at `at`, and how old that reading was. What came late
-- counts as if it had come in time. Look at `age` before you believe a value.
WITH params AS NOT MATERIALIZED (
  SELECT
    (now() - INTERVAL '1 hour')::timestamptz AS at, -- the time in question
    NULL::text AS sensor -- only this sensor; NULL: all
)
SELECT s.sensor_id, r.time, date_trunc('second', p.at - r.time) AS age, r.value, d.unit, r.quality
FROM params p
JOIN silver.seen_sensor s ON p.sensor IS NULL OR s.sensor_id = p.sensor
CROSS JOIN LATERAL (
  SELECT * FROM silver.sensor_reading WHERE sensor_id = s.sensor_id AND time <= p.at ORDER BY time DESC LIMIT 1
) r
LEFT JOIN silver.sensor d ON d.sensor_id = s.sensor_id
ORDER BY s.sensor_id;
