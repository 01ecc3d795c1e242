-- Which sensors have the worst data?
--
-- One row a sensor, the worst first: its score and verdict over all of those days together, and what cost it the most.
WITH params AS NOT MATERIALIZED (
  SELECT
    (now() AT TIME ZONE 'UTC' - INTERVAL '6 days')::date AS first_day, -- from this UTC day on
    (now() AT TIME ZONE 'UTC')::date AS last_day, -- up to this one, which counts
    10::integer AS top, -- how many sensors
    false::boolean AS unregistered -- true: also sensors that are not in the registry; nothing of theirs is valid
), summed AS (
  SELECT q.sensor_id, sum(q.expected) AS expected, sum(q.received)::bigint AS received, sum(q.valid)::bigint AS valid,
         sum(q.duplicates)::bigint AS duplicates, sum(q.out_of_range) AS out_of_range, sum(q.unknown) AS unknown,
         sum(q.rejected) AS rejected, sum(q.conflicts) AS conflicts
  FROM params p
  JOIN gold.data_quality_daily q
    ON q.bucket >= p.first_day::timestamp AT TIME ZONE 'UTC' AND q.bucket <= p.last_day::timestamp AT TIME ZONE 'UTC'
  LEFT JOIN silver.sensor s ON s.sensor_id = q.sensor_id
  WHERE s.sensor_id IS NOT NULL OR p.unregistered
  GROUP BY q.sensor_id
), scored AS (
  SELECT *, gold.quality_score(expected, received, duplicates, valid) AS score,
         gold.missing_readings(expected, received, duplicates) AS missing
  FROM summed
)
SELECT sensor_id, score, gold.quality_verdict(score) AS verdict, worst.what AS mostly, valid, missing, out_of_range,
       unknown, rejected, conflicts
FROM scored
LEFT JOIN LATERAL (
  SELECT what
  FROM (VALUES ('missing', missing), ('out_of_range', out_of_range), ('unknown', unknown), ('rejected', rejected),
               ('conflicts', conflicts)) AS cost (what, n)
  WHERE n > 0 ORDER BY n DESC, what LIMIT 1
) worst ON true
ORDER BY score NULLS LAST, sensor_id
LIMIT (SELECT top FROM params);
