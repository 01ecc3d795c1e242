-- What were mean, least and greatest value of each day?
--
-- One row a sensor and UTC day, newest first; `n` readings went into it. Valid readings only, at most a minute behind,
-- so that the row of today grows. For the days of another time zone see daily-mean-local.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    NULL::text AS location, -- only sensors at this location; NULL: all
    (now() AT TIME ZONE 'UTC' - INTERVAL '6 days')::date AS first_day, -- from this UTC day on
    (now() AT TIME ZONE 'UTC')::date AS last_day -- up to this one, which counts
)
SELECT g.bucket, g.sensor_id, g.val_mean, g.val_min, g.val_max, d.unit, g.n
FROM params p
JOIN gold.daily_mean g ON g.bucket >= p.first_day::timestamp AT TIME ZONE 'UTC' AND g.bucket <= p.last_day::timestamp AT TIME ZONE 'UTC'
  AND (p.sensor IS NULL OR g.sensor_id = p.sensor)
LEFT JOIN silver.sensor d USING (sensor_id)
WHERE p.location IS NULL OR d.location = p.location
ORDER BY g.bucket DESC, g.sensor_id;
