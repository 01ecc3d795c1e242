-- How good were the data of each hour?
--
-- One row a sensor and hour, the newest first. `score` is the share of valid readings, of those that its interval lets
-- expect: 100 is perfect. What came is received = valid + out_of_range + unknown + rejected + duplicates + conflicts;
-- `missing` did not come. `expected` and `missing` are empty where no interval is registered.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() - INTERVAL '1 day')::timestamptz AS since, -- hours that begin from this time on
    now()::timestamptz AS until, -- hours that begin before this time
    100::numeric AS max_score -- only hours with at most this score
)
SELECT q.bucket, q.sensor_id, q.score, CASE WHEN q.expected IS NOT NULL THEN gold.whole_readings(q.expected) END AS expected, q.received, q.valid,
       gold.missing_readings(q.expected, q.received, q.duplicates) AS missing,
       q.out_of_range, q.unknown, q.rejected, q.duplicates, q.conflicts, q.late, q.stuck, q.jumps
FROM params p
JOIN gold.data_quality_hourly q
  ON q.bucket >= p.since AND q.bucket < p.until AND (p.sensor IS NULL OR q.sensor_id = p.sensor)
  AND q.score <= p.max_score
ORDER BY q.bucket DESC, q.sensor_id;
