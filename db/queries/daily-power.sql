-- What was the mean power of each site and day?
--
-- One row a UTC day and location that has sensors of both voltage and current: mean voltage times mean current (watts, of
-- volts and amperes). `kwh_in_24_h` is what that power adds up to in a whole day; for the energy of what was measured,
-- minute by minute, see energy-by-day.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS location, -- only this location; NULL: all
    (now() AT TIME ZONE 'UTC' - INTERVAL '6 days')::date AS first_day, -- from this UTC day on
    (now() AT TIME ZONE 'UTC')::date AS last_day -- up to this one, which counts
)
SELECT w.bucket, w.location, w.mean_voltage, w.mean_current, w.mean_power, w.mean_power * 24 / 1000 AS kwh_in_24_h
FROM params p
JOIN gold.daily_power w
  ON w.bucket >= p.first_day::timestamp AT TIME ZONE 'UTC' AND w.bucket <= p.last_day::timestamp AT TIME ZONE 'UTC'
  AND (p.location IS NULL OR w.location = p.location)
ORDER BY w.bucket DESC, w.location;
