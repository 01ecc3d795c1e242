-- How much of the time did each sensor work?
--
-- One row a registered sensor: the share of the minutes of that time with a valid reading, and the longest run of
-- minutes without. A sensor counts from the minute on in which it was first seen; one that has never sent has 0 percent.
-- Minutes that are not over yet do not count.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
), known AS (
  SELECT s.sensor_id, greatest(date_trunc('minute', p.since), date_trunc('minute', least(seen.seen_at, first.bucket))) AS since,
         date_trunc('minute', least(p.until, now())) AS until
  FROM params p
  JOIN silver.sensor s ON p.sensor IS NULL OR s.sensor_id = p.sensor
  LEFT JOIN silver.seen_sensor seen ON seen.sensor_id = s.sensor_id
  -- What was loaded later was there before.
  LEFT JOIN LATERAL (
    SELECT bucket FROM gold.reading_1min_mean WHERE sensor_id = s.sensor_id ORDER BY bucket LIMIT 1
  ) first ON true
)
SELECT k.sensor_id, u.minutes_up, d.minutes, round(100.0 * u.minutes_up / d.minutes, 2) AS uptime_percent, u.longest_outage
FROM known k
CROSS JOIN LATERAL (SELECT extract(epoch FROM k.until - k.since)::bigint / 60 AS minutes) d
CROSS JOIN LATERAL (
  SELECT count(*) - 1 AS minutes_up, max(m.bucket - m.before) - INTERVAL '1 minute' AS longest_outage
  FROM (
    SELECT bucket, lag(bucket, 1, k.since - INTERVAL '1 minute') OVER (ORDER BY bucket) AS before
    FROM (
      SELECT bucket FROM gold.reading_1min_mean
      WHERE sensor_id = k.sensor_id AND bucket >= k.since AND bucket < k.until
      UNION ALL
      -- The end, so that a run up to there is measured as well.
      SELECT k.until
    ) minute
  ) m
) u
WHERE d.minutes > 0
ORDER BY uptime_percent, k.sensor_id;
