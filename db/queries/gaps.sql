-- When did a sensor send nothing for too long (in the last hour, unless asked for more)?
--
-- One row a gap, the newest first: between two readings that are further apart than `longer_than`. `ended` is empty
-- where nothing has come since; `duration` and `missing` (about how many readings that are) then count up to now. A gap
-- that late readings fill is gone. Readings ahead of the clock end none yet.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- gaps that end after this time
    now()::timestamptz AS until, -- and begin before this one
    NULL::interval AS longer_than, -- NULL: three of the sensor's intervals, or a minute where none is registered
    false::boolean AS unregistered -- true: also sensors that are not in the registry
)
SELECT s.sensor_id, g.began, g.ended, coalesce(g.ended, now()) - g.began AS duration,
       (extract(epoch FROM coalesce(g.ended, now()) - g.began) / extract(epoch FROM d.expected_interval))::bigint - 1 AS missing
FROM params p
JOIN silver.seen_sensor s ON p.sensor IS NULL OR s.sensor_id = p.sensor
LEFT JOIN silver.sensor d ON d.sensor_id = s.sensor_id
CROSS JOIN LATERAL (
  SELECT m.time AS began, lead(m.time) OVER (ORDER BY m.time) AS ended
  FROM (
    -- The readings of that time, and the one on each side of it.
    SELECT time FROM silver.sensor_reading
    WHERE sensor_id = s.sensor_id AND time >= p.since AND time < p.until AND time <= now()
    UNION ALL
    (SELECT time FROM silver.sensor_reading
     WHERE sensor_id = s.sensor_id AND time < p.since AND time <= now() ORDER BY time DESC LIMIT 1)
    UNION ALL
    (SELECT time FROM silver.sensor_reading
     WHERE sensor_id = s.sensor_id AND time >= p.until AND time <= now() ORDER BY time LIMIT 1)
  ) m
) g
WHERE (d.sensor_id IS NOT NULL OR p.unregistered OR p.sensor IS NOT NULL)
  AND g.began < p.until
  AND coalesce(g.ended, now()) - g.began > coalesce(p.longer_than, 3 * d.expected_interval, INTERVAL '1 minute')
ORDER BY g.began DESC, s.sensor_id;
