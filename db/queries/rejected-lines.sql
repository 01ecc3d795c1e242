-- Which lines could not be stored, and why?
--
-- One row a reason and sensor, the most frequent first, with the newest such line. They are lines of raw files; messages
-- that are not readings at all are in the files of data/rejected.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '7 days')::timestamptz AS since, -- rejected from this time on
    now()::timestamptz AS until -- up to this time, which does not count
)
SELECT l.reason, l.sensor_id, count(*) AS n, min(l.rejected_at) AS first_at, max(l.rejected_at) AS last_at,
       (array_agg(left(l.line, 200) ORDER BY l.rejected_at DESC, l.path, l.byte_offset DESC))[1] AS newest_line
FROM params p
JOIN silver.rejected_line l
  ON l.rejected_at >= p.since AND l.rejected_at < p.until AND (p.sensor IS NULL OR l.sensor_id = p.sensor)
GROUP BY l.reason, l.sensor_id
ORDER BY n DESC, l.reason, l.sensor_id;
