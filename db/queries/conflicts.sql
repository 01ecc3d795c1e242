-- Which readings came with two different values?
--
-- One row a second value, the newest first. The first one that was loaded is stored and counts; the other one is only
-- here. Usually a clock that is too coarse, or two devices with one name.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
)
SELECT c.time, c.sensor_id, c.stored_value, c.conflicting_value, c.conflicting_value - c.stored_value AS difference,
       c.path, c.byte_offset
FROM params p
JOIN silver.conflicting_reading c
  ON c.time >= p.since AND c.time < p.until AND (p.sensor IS NULL OR c.sensor_id = p.sensor)
ORDER BY c.time DESC, c.sensor_id, c.path, c.byte_offset;
