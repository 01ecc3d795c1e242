-- What was the mean of each minute, with straight lines through the gaps?
--
-- One row a minute, without gaps. Where the sensor has no valid reading, the value is on the straight line from the
-- minute before the gap to the one after it, and `interpolated` is true; it is empty where there is none on one side.
-- For TimescaleDB under the Timescale License: time_bucket_gapfill() and interpolate() read each minute once.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
), filled AS (
  SELECT time_bucket_gapfill(INTERVAL '1 minute', g.bucket, p.since, p.until) AS minute,
         max(g.val_mean) AS val_mean,
         interpolate(max(g.val_mean), (
           SELECT (b.bucket, b.val_mean) FROM params q JOIN gold.reading_1min_mean b ON b.sensor_id = q.sensor
           WHERE b.bucket < date_trunc('minute', q.since) ORDER BY b.bucket DESC LIMIT 1
         ), (
           SELECT (a.bucket, a.val_mean) FROM params q JOIN gold.reading_1min_mean a ON a.sensor_id = q.sensor
           WHERE a.bucket >= q.until ORDER BY a.bucket LIMIT 1
         )) AS line
  FROM params p
  JOIN gold.reading_1min_mean g
    ON g.sensor_id = p.sensor AND g.bucket >= date_trunc('minute', p.since) AND g.bucket < p.until
  GROUP BY 1
)
SELECT minute AS bucket, line AS val_mean, val_mean IS NULL AND line IS NOT NULL AS interpolated
FROM filled
ORDER BY minute;
