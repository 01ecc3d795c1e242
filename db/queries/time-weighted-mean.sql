-- What is the mean of a sensor by time, rather than by readings?
--
-- For sensors that send when something changes, or now faster and now slower: a value counts for as long as it holds,
-- until the next valid reading or for `max_hold`, whichever ends first. `covered` is how much of the time was held by
-- some value; `val_mean` is the plain mean of the readings, for comparison.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    INTERVAL '5 minutes'::interval AS max_hold -- after this long, a value says nothing any more
)
SELECT s.sensor_id, h.time_weighted_mean, h.val_mean, make_interval(secs => h.seconds) AS covered, h.n
FROM params p
JOIN silver.seen_sensor s ON p.sensor IS NULL OR s.sensor_id = p.sensor
CROSS JOIN LATERAL (
  SELECT sum(value * held) / nullif(sum(held), 0) AS time_weighted_mean, sum(held) AS seconds,
         avg(value) FILTER (WHERE time >= p.since) AS val_mean, count(*) FILTER (WHERE time >= p.since) AS n
  FROM (
    SELECT time, value, extract(epoch FROM
             least(lead(time, 1, p.until) OVER (ORDER BY time), time + p.max_hold) - greatest(time, p.since)
           )::float8 AS held
    FROM silver.sensor_reading
    WHERE sensor_id = s.sensor_id AND time < p.until AND quality = 'valid' AND time >= coalesce((
      -- The value with which the time begins.
      SELECT time FROM silver.sensor_reading
      WHERE sensor_id = s.sensor_id AND time <= p.since AND time > p.since - p.max_hold AND quality = 'valid'
      ORDER BY time DESC LIMIT 1
    ), p.since)
  ) r
) h
WHERE h.seconds > 0
ORDER BY s.sensor_id;
