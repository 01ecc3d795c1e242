-- Which sensors send readings more than once?
--
-- One row a sensor and hour of the readings in question, the newest first. A duplicate has the sensor, time and value of
-- a stored reading; it is counted and not stored, so it is in no mean. Brokers send again after each lost connection:
-- a few are normal.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
)
SELECT date_trunc('hour', m.bucket, 'UTC') AS bucket, m.sensor_id, sum(m.n) AS duplicates,
       count(DISTINCT m.bucket) AS minutes, max(m.loaded_at) AS last_loaded_at
FROM params p
JOIN silver.duplicate_minute m
  ON m.bucket >= p.since AND m.bucket < p.until AND (p.sensor IS NULL OR m.sensor_id = p.sensor)
GROUP BY 1, m.sensor_id
ORDER BY 1 DESC, m.sensor_id;
