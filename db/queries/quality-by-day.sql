-- How good were the data of each day, and what is the verdict?
--
-- One row a sensor and UTC day, the newest first. `verdict` is good with a score over 95, warning from 80 on, critical
-- below. The columns are those of quality-by-hour. Today is judged by what should have come so far.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() AT TIME ZONE 'UTC' - INTERVAL '6 days')::date AS first_day, -- from this UTC day on
    (now() AT TIME ZONE 'UTC')::date AS last_day, -- up to this one, which counts
    NULL::text AS verdict -- only good, warning or critical; NULL: all
)
SELECT q.bucket, q.sensor_id, q.verdict, q.score, CASE WHEN q.expected IS NOT NULL THEN gold.whole_readings(q.expected) END AS expected, q.received, q.valid,
       gold.missing_readings(q.expected, q.received, q.duplicates) AS missing,
       q.out_of_range, q.unknown, q.rejected, q.duplicates, q.conflicts, q.late, q.stuck, q.jumps
FROM params p
JOIN gold.data_quality_daily q
  ON q.bucket >= p.first_day::timestamp AT TIME ZONE 'UTC' AND q.bucket <= p.last_day::timestamp AT TIME ZONE 'UTC'
  AND (p.sensor IS NULL OR q.sensor_id = p.sensor)
  AND (p.verdict IS NULL OR q.verdict = p.verdict)
ORDER BY q.bucket DESC, q.sensor_id;
