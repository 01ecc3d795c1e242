-- What waits for the next refresh of the means?
--
-- One row a sensor whose readings came after the last refresh: how many minutes are to be recomputed, and from when on.
-- A refresh runs every minute, so a few minutes a sensor are normal, and many after a long outage. No rows: gold says
-- what silver says.
WITH params AS NOT MATERIALIZED (
  SELECT
    NULL::text AS sensor -- only this sensor; NULL: all
)
SELECT m.sensor_id, count(DISTINCT m.bucket) AS minutes, min(m.bucket) AS oldest, max(m.bucket) AS newest
FROM params p
JOIN sluice.stale_minute m ON p.sensor IS NULL OR m.sensor_id = p.sensor
GROUP BY m.sensor_id
ORDER BY minutes DESC, m.sensor_id;
