-- Where did each sensor begin, peak, bottom and end in each bucket of time (for a candlestick chart)?
--
-- One row a sensor and bucket (by its start): the first, greatest, least and last valid value.
-- For TimescaleDB: first() and last() need no sorting.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    INTERVAL '1 hour'::interval AS width -- how long a bucket is; no months
)
SELECT time_bucket(p.width, r.time, TIMESTAMPTZ '2000-01-03 00:00Z') AS bucket, r.sensor_id,
       first(r.value, r.time) AS open, max(r.value) AS high, min(r.value) AS low,
       last(r.value, r.time) AS close, count(*) AS n
FROM params p
JOIN silver.sensor_reading r
  ON r.time >= p.since AND r.time < p.until AND r.quality = 'valid' AND (p.sensor IS NULL OR r.sensor_id = p.sensor)
GROUP BY 1, r.sensor_id
ORDER BY 1, r.sensor_id;
