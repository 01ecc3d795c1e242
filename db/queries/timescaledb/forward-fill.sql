-- What was the value at each step, when the last one known counts until the next?
--
-- One row a step (by its start), without gaps: the last valid reading up to its end, and when that was measured.
-- `carried`: it was measured before the step. Empty until the first reading. For analyses that need a value everywhere.
-- For TimescaleDB under the Timescale License: time_bucket_gapfill() and locf() read each reading once.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    INTERVAL '1 minute'::interval AS step -- how far the rows are apart; no months
), filled AS (
  SELECT time_bucket_gapfill(p.step, r.time, p.since, p.until) AS bucket,
         locf(last(r.value, r.time), (
           SELECT b.value FROM params q JOIN silver.sensor_reading b ON b.sensor_id = q.sensor AND b.time < q.since
           WHERE b.quality = 'valid' ORDER BY b.time DESC LIMIT 1
         )) AS value,
         locf(max(r.time), (
           SELECT b.time FROM params q JOIN silver.sensor_reading b ON b.sensor_id = q.sensor AND b.time < q.since
           WHERE b.quality = 'valid' ORDER BY b.time DESC LIMIT 1
         )) AS measured_at
  FROM params p
  JOIN silver.sensor_reading r
    ON r.sensor_id = p.sensor AND r.time >= p.since AND r.time < p.until AND r.quality = 'valid'
  GROUP BY 1
)
SELECT bucket, value, measured_at, measured_at < bucket AS carried FROM filled ORDER BY bucket;
