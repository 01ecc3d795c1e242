-- What do several sensors say minute by minute, side by side?
--
-- One row a minute, one column a sensor: the mean of its valid readings, empty where it has none. The columns bear the
-- names of the parameters; to have others, change both.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor_1, -- the sensor of the first column
    'Sensor 2'::text AS sensor_2, -- of the second
    'Sensor 3'::text AS sensor_3, -- of the third
    'Sensor 4'::text AS sensor_4, -- of the fourth
    'Sensor 5'::text AS sensor_5, -- of the fifth
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
)
SELECT g.bucket,
       max(g.val_mean) FILTER (WHERE g.sensor_id = p.sensor_1) AS sensor_1,
       max(g.val_mean) FILTER (WHERE g.sensor_id = p.sensor_2) AS sensor_2,
       max(g.val_mean) FILTER (WHERE g.sensor_id = p.sensor_3) AS sensor_3,
       max(g.val_mean) FILTER (WHERE g.sensor_id = p.sensor_4) AS sensor_4,
       max(g.val_mean) FILTER (WHERE g.sensor_id = p.sensor_5) AS sensor_5
FROM params p
JOIN gold.reading_1min_mean g
  ON g.bucket >= p.since AND g.bucket < p.until
  AND g.sensor_id IN (p.sensor_1, p.sensor_2, p.sensor_3, p.sensor_4, p.sensor_5)
GROUP BY g.bucket
ORDER BY g.bucket;
