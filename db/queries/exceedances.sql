-- When was a sensor above a threshold, and for how long (in the last hour, unless asked for more)?
--
-- One row an occasion, the newest first: from the first valid reading above `threshold` to the first one that is not
-- (`ended`), with the peak in between. An occasion also ends `max_hold` after a reading that no other one follows in
-- that time. It goes on where `ended` is `until`.
WITH params AS NOT MATERIALIZED (
  SELECT
    25::double precision AS threshold, -- more than this
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    INTERVAL '5 minutes'::interval AS max_hold -- after this long, a value says nothing any more
)
SELECT s.sensor_id, o.began, o.ended, o.ended - o.began AS duration, o.peak, o.n
FROM params p
JOIN silver.seen_sensor s ON p.sensor IS NULL OR s.sensor_id = p.sensor
CROSS JOIN LATERAL (
  SELECT min(time) AS began, max(holds_to) AS ended, max(value) AS peak, count(*) AS n
  FROM (
    SELECT time, value, holds_to, count(*) FILTER (WHERE begins) OVER (ORDER BY time) AS occasion
    FROM (
      SELECT time, value, least(lead(time, 1, p.until) OVER sensor_time, time + p.max_hold) AS holds_to,
             (lag(value) OVER sensor_time > p.threshold AND time - lag(time) OVER sensor_time <= p.max_hold)
               IS NOT TRUE AS begins
      FROM silver.sensor_reading
      WHERE sensor_id = s.sensor_id AND time >= p.since AND time < p.until AND quality = 'valid'
      WINDOW sensor_time AS (ORDER BY time)
    ) reading
    WHERE value > p.threshold
  ) above
  GROUP BY occasion
) o
ORDER BY o.began DESC, s.sensor_id;
