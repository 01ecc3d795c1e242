-- Where did each sensor begin, peak, bottom and end in each bucket of time (for a candlestick chart)?
--
-- One row a sensor and bucket (by its start): the first, greatest, least and last valid value.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    INTERVAL '1 hour'::interval AS width -- how long a bucket is; no months
)
SELECT date_bin(p.width, r.time, TIMESTAMPTZ '2000-01-03 00:00Z') AS bucket, r.sensor_id,
       (array_agg(r.value ORDER BY r.time))[1] AS open, max(r.value) AS high, min(r.value) AS low,
       (array_agg(r.value ORDER BY r.time DESC))[1] AS close, count(*) AS n
FROM params p
JOIN silver.sensor_reading r
  ON r.time >= p.since AND r.time < p.until AND r.quality = 'valid' AND (p.sensor IS NULL OR r.sensor_id = p.sensor)
GROUP BY bucket, r.sensor_id
ORDER BY bucket, r.sensor_id;
