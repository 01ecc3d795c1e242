-- What is the curve of a sensor, in as few rows as a chart has room for?
--
-- At most `points` rows, evenly spaced: mean, least and greatest valid value of each. Draw the mean as a line and the
-- other two as a band: no peak is lost. A row has whole minutes; one without a valid reading is left out.
WITH params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor; NULL: all
    (now() - INTERVAL '7 days')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    200::integer AS points -- how many rows at most
), span AS (
  -- A minute at least, also where there is no time at all between the two.
  SELECT first, greatest(ceil(extract(epoch FROM until - first) / 60 / greatest(points, 1))::int, 1) * INTERVAL '1 minute' AS width
  FROM params CROSS JOIN LATERAL (SELECT date_trunc('minute', since) AS first) minute
)
SELECT date_bin(s.width, g.bucket, s.first) AS bucket, g.sensor_id,
       sum(g.val_mean * g.n) / sum(g.n) AS val_mean, min(g.val_min) AS val_min, max(g.val_max) AS val_max, sum(g.n) AS n
FROM params p
CROSS JOIN span s
JOIN gold.reading_1min_mean g
  ON g.bucket >= s.first AND g.bucket < p.until AND p.since < p.until AND (p.sensor IS NULL OR g.sensor_id = p.sensor)
GROUP BY 1, g.sensor_id
ORDER BY g.sensor_id, 1;
