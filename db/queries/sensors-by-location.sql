-- Which sensors stand where, and how many of them send?
--
-- One row a location and quantity. `sending` counts sensors that have a reading since `since`; the others are in
-- `not_sending`.
WITH params AS NOT MATERIALIZED (
  SELECT
    (now() - INTERVAL '1 hour')::timestamptz AS since -- a sensor sends when it has a reading since then
)
SELECT s.location, s.quantity, count(*) AS sensors,
       count(*) FILTER (WHERE r.time >= p.since) AS sending,
       string_agg(s.sensor_id, ', ' ORDER BY s.sensor_id) FILTER (WHERE (r.time >= p.since) IS NOT TRUE) AS not_sending,
       max(r.time) AS newest
FROM params p
CROSS JOIN silver.sensor s
LEFT JOIN LATERAL (
  SELECT time FROM silver.sensor_reading WHERE sensor_id = s.sensor_id AND time <= now() ORDER BY time DESC LIMIT 1
) r ON true
GROUP BY s.location, s.quantity
ORDER BY s.location NULLS LAST, s.quantity;
