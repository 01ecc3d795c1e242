-- What were mean, least and greatest value of each hour?
--
-- One row a sensor and hour (by its start, UTC), newest first; `n` readings went into it. Valid readings only, at most
-- a minute behind. Hours without a valid reading have no row.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    NULL::text AS location, -- only sensors at this location; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- hours that begin from this time on
    now()::timestamptz AS until -- hours that begin before this time
)
SELECT g.bucket, g.sensor_id, g.val_mean, g.val_min, g.val_max, d.unit, g.n
FROM params p
JOIN gold.hourly_mean g ON g.bucket >= p.since AND g.bucket < p.until AND (p.sensor IS NULL OR g.sensor_id = p.sensor)
LEFT JOIN silver.sensor d USING (sensor_id)
WHERE p.location IS NULL OR d.location = p.location
ORDER BY g.bucket DESC, g.sensor_id;
