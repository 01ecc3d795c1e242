-- Which minutes are unlike the time before them (z-score; of the last hour, unless asked for more)?
--
-- One row a minute whose mean is more than `threshold` standard deviations away from the mean of the minutes of the
-- `history` before it, the newest first. `z` says how many; it is infinite where the history was a flat line.
-- Minutes with fewer than ten minutes of history are not judged. Valid readings only: for implausible ones see
-- out-of-range.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 hour')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    INTERVAL '1 hour'::interval AS history, -- how much time before a minute is what is usual
    3::double precision AS threshold -- how many standard deviations are still usual
), minute AS (
  SELECT g.bucket, g.sensor_id, g.val_mean, avg(g.val_mean) OVER history AS mean,
         stddev_samp(g.val_mean) OVER history AS deviation, min(g.val_mean) OVER history AS least,
         max(g.val_mean) OVER history AS most, count(*) OVER history AS n
  FROM params p
  JOIN gold.reading_1min_mean g
    ON g.bucket >= p.since - p.history AND g.bucket < p.until AND (p.sensor IS NULL OR g.sensor_id = p.sensor)
  WINDOW history AS (
    PARTITION BY g.sensor_id ORDER BY g.bucket
    RANGE BETWEEN (SELECT history FROM params) PRECEDING AND INTERVAL '1 minute' PRECEDING
  )
), judged AS (
  -- Of a flat line the rounding of mean and deviation would say something.
  SELECT bucket, sensor_id, val_mean, n, CASE WHEN least < most THEN mean ELSE least END AS usual,
         CASE WHEN least < most THEN deviation WHEN n > 1 THEN 0 END AS spread
  FROM minute
), scored AS (
  SELECT *, CASE WHEN spread > 0 THEN (val_mean - usual) / spread
                 WHEN val_mean <> usual THEN sign(val_mean - usual) * 'Infinity'::float8 END AS z
  FROM judged
)
SELECT s.bucket, s.sensor_id, s.val_mean, s.usual, s.spread, s.z
FROM params p
JOIN scored s ON s.bucket >= p.since AND s.n >= 10 AND abs(s.z) > p.threshold
ORDER BY s.bucket DESC, s.sensor_id;
