-- Which sensors repeat one value for too long?
--
-- One row a run, the newest first: from the reading at which the value had stood for longer than `max_stuck` of the
-- registry, to the last one that repeats it. The value itself began `max_stuck` earlier.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
), stuck AS (
  SELECT r.sensor_id, r.time, r.value, d.max_stuck,
         lag(r.value) OVER sensor_time IS DISTINCT FROM r.value
           OR r.time - lag(r.time) OVER sensor_time > d.max_stuck AS begins
  FROM params p
  -- The hours that have some are few: they save reading all the others.
  JOIN gold.data_quality_hourly q
    ON q.stuck > 0 AND q.bucket > p.since - INTERVAL '1 hour' AND q.bucket < p.until
    AND (p.sensor IS NULL OR q.sensor_id = p.sensor)
  JOIN silver.sensor_reading r
    ON r.sensor_id = q.sensor_id AND r.time >= q.bucket AND r.time < q.bucket + INTERVAL '1 hour'
    AND r.time >= p.since AND r.time < p.until AND r.stuck
  LEFT JOIN silver.sensor d ON d.sensor_id = r.sensor_id
  WINDOW sensor_time AS (PARTITION BY r.sensor_id ORDER BY r.time)
), run AS (
  SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY sensor_id ORDER BY time) AS run FROM stuck
)
SELECT sensor_id, value, min(time) AS stuck_from, max(time) AS stuck_to, max(time) - min(time) AS duration,
       count(*) AS n, max(max_stuck) AS max_stuck
FROM run
GROUP BY sensor_id, run, value
ORDER BY stuck_from DESC, sensor_id;
