-- Which sensors repeat one value for too long?
--
-- One row a run, the newest first: from the reading at which the value had stood for longer than `max_stuck` of the
-- registry, to the last one that repeats it. The value itself began `max_stuck` earlier. `max_stuck` is that of the
-- registry as it is now; a run was judged by the one of its time.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
), stuck AS (
  SELECT r.sensor_id, r.time, r.value, d.max_stuck, b.stuck IS NOT TRUE OR b.value <> r.value AS begins
  FROM params p
  -- The hours that have some are few: they save reading all the others.
  JOIN gold.data_quality_hourly q
    ON q.stuck > 0 AND q.bucket > p.since - INTERVAL '1 hour' AND q.bucket < p.until
    AND (p.sensor IS NULL OR q.sensor_id = p.sensor)
  JOIN silver.sensor_reading r
    ON r.sensor_id = q.sensor_id AND r.time >= q.bucket AND r.time < q.bucket + INTERVAL '1 hour'
    AND r.time >= p.since AND r.time < p.until AND r.stuck
  -- A run goes on as long as the reading before is of it.
  LEFT JOIN LATERAL (
    SELECT stuck, value FROM silver.sensor_reading
    WHERE sensor_id = r.sensor_id AND time < r.time ORDER BY time DESC LIMIT 1
  ) b ON true
  LEFT JOIN silver.sensor d ON d.sensor_id = r.sensor_id
), run AS (
  SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY sensor_id ORDER BY time) AS run FROM stuck
)
SELECT sensor_id, value, min(time) AS stuck_from, max(time) AS stuck_to, max(time) - min(time) AS duration,
       count(*) AS n, max(max_stuck) AS max_stuck
FROM run
GROUP BY sensor_id, run, value
ORDER BY stuck_from DESC, sensor_id;
