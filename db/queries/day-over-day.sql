-- How does each day compare with the day before?
--
-- One row a sensor and UTC day. `change` is its mean less the mean of the day before, `change_percent` that change in
-- percent of the latter; both are empty where the day before has no valid reading.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor, -- only this sensor; NULL: all
    (now() AT TIME ZONE 'UTC' - INTERVAL '6 days')::date AS first_day, -- from this UTC day on
    (now() AT TIME ZONE 'UTC')::date AS last_day -- up to this one, which counts
)
SELECT today.bucket, today.sensor_id, today.val_mean, yesterday.val_mean AS day_before,
       today.val_mean - yesterday.val_mean AS change,
       100 * (today.val_mean - yesterday.val_mean) / nullif(abs(yesterday.val_mean), 0) AS change_percent
FROM params p
JOIN gold.daily_mean today
  ON today.bucket >= p.first_day::timestamp AT TIME ZONE 'UTC' AND today.bucket <= p.last_day::timestamp AT TIME ZONE 'UTC'
  AND (p.sensor IS NULL OR today.sensor_id = p.sensor)
LEFT JOIN gold.daily_mean yesterday ON yesterday.sensor_id = today.sensor_id AND yesterday.bucket = today.bucket - INTERVAL '24 hours'
ORDER BY today.bucket DESC, today.sensor_id;
