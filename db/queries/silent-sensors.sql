-- Which sensors have stopped sending?
--
-- One row a registered sensor whose newest reading is older than three of its intervals, the longest silence first.
-- Sensors that have never sent stand on top, without a time. A sensor without an expected_interval is never here.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS location -- only sensors at this location; NULL: all
)
SELECT v.sensor_id, v.quantity, v.location, v.expected_interval, v.last_time,
       date_trunc('second', v.silent_for) AS silent_for
FROM params p
JOIN silver.silent_sensor v ON p.location IS NULL OR v.location = p.location
ORDER BY v.silent_for DESC NULLS FIRST, v.sensor_id;
