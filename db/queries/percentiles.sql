-- Which values does a sensor usually have (percentiles; of the last hour, unless asked for more)?
--
-- One row a sensor: half of its valid readings are below `median`, 95 percent below `p95`, and so on. Exact, so it
-- reads every reading of the time.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
), ranked AS (
  SELECT r.sensor_id, count(*) AS n,
         percentile_cont(ARRAY[0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]) WITHIN GROUP (ORDER BY r.value) AS p
  FROM params p
  JOIN silver.sensor_reading r
    ON r.time >= p.since AND r.time < p.until AND r.quality = 'valid' AND (p.sensor IS NULL OR r.sensor_id = p.sensor)
  GROUP BY r.sensor_id
)
SELECT sensor_id, p[1] AS p01, p[2] AS p05, p[3] AS p25, p[4] AS median, p[5] AS p75, p[6] AS p95, p[7] AS p99, d.unit, n
FROM ranked
LEFT JOIN silver.sensor d USING (sensor_id)
ORDER BY sensor_id;
