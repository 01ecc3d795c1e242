-- Which sensors send late?
--
-- One row a sensor and hour of the readings in question, the newest first: how many of the stored readings came after
-- one that is more than LATE_MINUTES newer. Late readings count in every mean as if they had come in time.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- hours that begin from this time on
    now()::timestamptz AS until -- hours that begin before this time
)
SELECT q.bucket, q.sensor_id, q.late, q.valid + q.out_of_range + q.unknown AS stored,
       round(100.0 * q.late / (q.valid + q.out_of_range + q.unknown), 1) AS late_percent
FROM params p
JOIN gold.data_quality_hourly q
  ON q.bucket >= p.since AND q.bucket < p.until AND q.late > 0 AND (p.sensor IS NULL OR q.sensor_id = p.sensor)
ORDER BY q.bucket DESC, q.sensor_id;
