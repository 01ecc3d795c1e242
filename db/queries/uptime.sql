-- How much of the time did each sensor work?
--
-- One row a registered sensor: the share of the minutes of that time with a valid reading, and the longest run of
-- minutes without. A sensor that has sent nothing has 0 percent. Minutes that are not over yet do not count.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until -- up to this time, which does not count
), span AS (
  SELECT date_trunc('minute', since) AS since, date_trunc('minute', least(until, now())) AS until FROM params
), mark AS (
  SELECT sensor_id, bucket,
         bucket - lag(bucket) OVER (PARTITION BY sensor_id ORDER BY bucket) - INTERVAL '1 minute' AS without
  FROM (
    SELECT g.sensor_id, g.bucket
    FROM params p CROSS JOIN span
    JOIN gold.reading_1min_mean g
      ON g.bucket >= span.since AND g.bucket < span.until AND (p.sensor IS NULL OR g.sensor_id = p.sensor)
    JOIN silver.sensor USING (sensor_id)
    UNION ALL
    -- The minutes on both sides of that time, so that a run at its begin or end is measured as well.
    SELECT s.sensor_id, side.bucket
    FROM params p CROSS JOIN span
    CROSS JOIN LATERAL (VALUES (span.since - INTERVAL '1 minute'), (span.until)) AS side (bucket)
    JOIN silver.sensor s ON p.sensor IS NULL OR s.sensor_id = p.sensor
  ) minute
)
SELECT m.sensor_id, count(*) - 2 AS minutes_up, extract(epoch FROM span.until - span.since)::bigint / 60 AS minutes,
       round(100 * (count(*) - 2) / nullif(extract(epoch FROM span.until - span.since) / 60, 0), 2) AS uptime_percent,
       max(m.without) AS longest_outage
FROM span
CROSS JOIN mark m
GROUP BY m.sensor_id, span.since, span.until
ORDER BY uptime_percent, m.sensor_id;
