-- When did a sensor send nothing for too long?
--
-- One row a gap, the newest first: between two readings that are further apart than `longer_than`. `ended` is empty
-- where nothing has come since. `missing` is about how many readings that are. A gap that late readings fill is gone.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- gaps that end after this time
    now()::timestamptz AS until, -- and begin before this one
    NULL::interval AS longer_than -- NULL: three of the sensor's intervals, or a minute where none is registered
)
SELECT s.sensor_id, g.began, CASE WHEN NOT g.open THEN g.ended END AS ended, g.ended - g.began AS duration,
       (extract(epoch FROM g.ended - g.began) / extract(epoch FROM d.expected_interval))::bigint - 1 AS missing
FROM params p
JOIN silver.seen_sensor s ON p.sensor IS NULL OR s.sensor_id = p.sensor
LEFT JOIN silver.sensor d ON d.sensor_id = s.sensor_id
CROSS JOIN LATERAL (
  SELECT lag(m.time) OVER (ORDER BY m.time) AS began, m.time AS ended, m.open
  FROM (
    -- The readings of that time, the one before it, and its end.
    SELECT time, false AS open FROM silver.sensor_reading
    WHERE sensor_id = s.sensor_id AND time >= p.since AND time < p.until
    UNION ALL
    (SELECT time, false FROM silver.sensor_reading
     WHERE sensor_id = s.sensor_id AND time < p.since ORDER BY time DESC LIMIT 1)
    UNION ALL
    SELECT least(p.until, now()), true
  ) m
) g
WHERE g.ended - g.began > coalesce(p.longer_than, 3 * d.expected_interval, INTERVAL '1 minute')
ORDER BY g.began DESC, s.sensor_id;
