-- What was the mean of each minute, with straight lines through the gaps?
--
-- One row a minute, without gaps. Where the sensor has no valid reading, the value is on the straight line from the
-- minute before the gap to the one after it, and `interpolated` is true; it is empty where there is none on one side.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
)
SELECT m.bucket,
       coalesce(g.val_mean, b.val_mean + (a.val_mean - b.val_mean)
         * extract(epoch FROM m.bucket - b.bucket)::float8 / extract(epoch FROM a.bucket - b.bucket)::float8) AS val_mean,
       g.val_mean IS NULL AND a.bucket IS NOT NULL AND b.bucket IS NOT NULL AS interpolated
FROM params p
CROSS JOIN LATERAL generate_series(
  date_trunc('minute', p.since), p.until - INTERVAL '1 microsecond', INTERVAL '1 minute'
) AS m (bucket)
LEFT JOIN gold.reading_1min_mean g ON g.sensor_id = p.sensor AND g.bucket = m.bucket
LEFT JOIN LATERAL (
  SELECT bucket, val_mean FROM gold.reading_1min_mean
  WHERE sensor_id = p.sensor AND bucket < m.bucket AND g.bucket IS NULL ORDER BY bucket DESC LIMIT 1
) b ON true
LEFT JOIN LATERAL (
  SELECT bucket, val_mean FROM gold.reading_1min_mean
  WHERE sensor_id = p.sensor AND bucket > m.bucket AND g.bucket IS NULL ORDER BY bucket LIMIT 1
) a ON true
ORDER BY m.bucket;
