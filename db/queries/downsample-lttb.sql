-- Which few readings draw the same curve as all of them (LTTB)?
--
-- Largest triangle, three buckets (Steinarsson 2013): of the valid readings of a sensor, the `points` ones that keep the
-- look of its curve, peaks and all. They are true readings, not means. With no more readings than that, all of them.
WITH RECURSIVE params AS NOT MATERIALIZED (
  SELECT
    'Sensor 1'::text AS sensor, -- this sensor
    (now() - INTERVAL '1 day')::timestamptz AS since, -- from this time on
    now()::timestamptz AS until, -- up to this time, which does not count
    200::integer AS points -- how many readings to keep, 3 at least
), reading AS (
  SELECT r.time, extract(epoch FROM r.time - p.since)::float8 AS x, r.value AS y,
         row_number() OVER (ORDER BY r.time) - 1 AS i, count(*) OVER () AS n, greatest(p.points, 3) AS points
  FROM params p
  JOIN silver.sensor_reading r
    ON r.sensor_id = p.sensor AND r.time >= p.since AND r.time < p.until AND r.quality = 'valid'
), bucket AS (
  -- The first and the last reading have buckets of their own, the others share what is between.
  SELECT b, array_agg(time ORDER BY i) AS times, array_agg(x ORDER BY i) AS xs, array_agg(y ORDER BY i) AS ys,
         avg(x) AS mean_x, avg(y) AS mean_y
  FROM reading
  CROSS JOIN LATERAL (
    SELECT CASE WHEN n <= points OR i = 0 THEN i
                WHEN i = n - 1 THEN points - 1
                ELSE 1 + (i - 1) * (points - 2) / (n - 2) END AS b
  ) place
  GROUP BY b
), chosen AS (
  SELECT b, times[1] AS time, xs[1] AS x, ys[1] AS y FROM bucket WHERE b = 0
  UNION ALL
  -- Of each bucket the reading that spans the largest triangle with the one chosen last and the mean of the next bucket.
  SELECT this.b, best.time, best.x, best.y
  FROM chosen c
  JOIN bucket this ON this.b = c.b + 1
  LEFT JOIN bucket next ON next.b = c.b + 2
  CROSS JOIN LATERAL (
    SELECT r.time, r.x, r.y
    FROM unnest(this.times, this.xs, this.ys) AS r (time, x, y)
    ORDER BY abs((c.x - next.mean_x) * (r.y - c.y) - (c.x - r.x) * (next.mean_y - c.y)) DESC, r.time
    LIMIT 1
  ) best
)
SELECT time, y AS value FROM chosen ORDER BY time;
