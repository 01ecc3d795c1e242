-- For how long was each sensor above a threshold (in the last hour, unless asked for more)?
--
-- One row a sensor with a valid reading in that time. A value counts for as long as it holds, until the next valid
-- reading or for `max_hold`, whichever ends first; `percent` is of the time that some value held. The single occasions
-- are in exceedances.
WITH params AS NOT MATERIALIZED (
  SELECT
    25::double precision AS threshold, -- more than this
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    INTERVAL '5 minutes'::interval AS max_hold -- after this long, a value says nothing any more
)
SELECT s.sensor_id, coalesce(h.above, INTERVAL '0') AS time_above, h.observed,
       round(coalesce(100 * extract(epoch FROM h.above) / extract(epoch FROM h.observed), 0), 1) AS percent
FROM params p
JOIN silver.seen_sensor s ON p.sensor IS NULL OR s.sensor_id = p.sensor
CROSS JOIN LATERAL (
  SELECT sum(held) FILTER (WHERE value > p.threshold) AS above, sum(held) AS observed
  FROM (
    SELECT value, least(lead(time, 1, p.until) OVER (ORDER BY time), time + p.max_hold) - time AS held
    FROM silver.sensor_reading
    WHERE sensor_id = s.sensor_id AND time >= p.since AND time < p.until AND quality = 'valid'
  ) r
) h
WHERE h.observed IS NOT NULL
ORDER BY percent DESC, s.sensor_id;
