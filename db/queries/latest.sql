-- What is the newest reading of each sensor?
--
-- One row a sensor. `age` is how long ago it measured. The value is plausible where `quality` is valid; `late`,
-- `stuck` and `jump` say what is odd about it. Unit and location are empty where the sensor is not registered.
-- Readings are here within two seconds.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS location -- only sensors at this location; NULL: all
)
SELECT l.sensor_id, l.time, l.value, l.unit, l.location, date_trunc('second', now() - l.time) AS age,
       l.quality, l.late, l.stuck, l.jump
FROM params p
JOIN silver.latest_reading l ON p.location IS NULL OR l.location = p.location
ORDER BY l.sensor_id;
