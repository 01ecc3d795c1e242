-- Silver: every reading once, as PostgreSQL has it in silver.sensor_reading. Makes the days anew of which bronze has other
-- readings, or the archive other judgements. Days of which the archive has no judgements yet wait.
--
-- Variables: archive, lake; see bronze.sql.
SET TIME ZONE 'UTC';
SET spark.sql.sources.partitionOverwriteMode=dynamic;

CREATE TABLE IF NOT EXISTS delta.`${lake}/silver/sensor_reading` (
  day DATE NOT NULL, time TIMESTAMP NOT NULL, sensor_id STRING NOT NULL, value DOUBLE NOT NULL, quality STRING NOT NULL,
  late BOOLEAN NOT NULL, stuck BOOLEAN NOT NULL, jump BOOLEAN NOT NULL, inexact BOOLEAN NOT NULL
) USING delta PARTITIONED BY (day);
-- Readings whose sensor and time were taken by another value.
CREATE TABLE IF NOT EXISTS delta.`${lake}/silver/conflicting_reading` (
  day DATE NOT NULL, time TIMESTAMP NOT NULL, sensor_id STRING NOT NULL, stored_value DOUBLE, conflicting_value DOUBLE NOT NULL,
  object STRING NOT NULL, byte_offset BIGINT NOT NULL, reading BIGINT NOT NULL
) USING delta PARTITIONED BY (day);

CREATE OR REPLACE TEMPORARY VIEW listed (date DATE, flags STRING, unstored STRING, minutes STRING)
  USING json OPTIONS (path '${archive}/lake/days');
CREATE OR REPLACE TEMPORARY VIEW flags USING parquet OPTIONS (path '${archive}/lake/flags');
CREATE OR REPLACE TEMPORARY VIEW unstored USING parquet OPTIONS (path '${archive}/lake/unstored');

-- What is made now: days with the checksums of what the archive says of them.
DECLARE OR REPLACE VARIABLE began TIMESTAMP DEFAULT current_timestamp();
DECLARE OR REPLACE VARIABLE making ARRAY<STRUCT<day: DATE, made: STRING>>;
SET VARIABLE making = (
  SELECT collect_list(struct(l.date AS day, concat_ws(' ', flags, unstored, minutes) AS made))
  FROM listed l LEFT JOIN delta.`${lake}/day` d ON l.date = d.day
  WHERE NOT concat_ws(' ', flags, unstored, minutes) <=> d.made OR d.silver_at IS NULL OR d.bronze_at > d.silver_at
);
DECLARE OR REPLACE VARIABLE due ARRAY<DATE>;
SET VARIABLE due = transform(making, m -> m.day);

INSERT OVERWRITE TABLE delta.`${lake}/silver/sensor_reading`
  WITH flag AS (
    SELECT date AS day, sensor_id, time, quality, late, stuck, jump, inexact
    FROM flags WHERE array_contains(due, date)
  ), stored AS (
    -- What is left of a sensor and time has one value: of the others the database knows that they came second.
    SELECT r.day, r.sensor_id, r.time, min(r.value) AS value
    FROM delta.`${lake}/bronze/reading` r
    LEFT ANTI JOIN (SELECT * FROM unstored WHERE array_contains(due, date)) u
      ON r.object = u.object AND r.byte_offset = u.byte_offset AND r.reading = u.reading
    WHERE array_contains(due, r.day) AND r.reason IS NULL
    GROUP BY r.day, r.sensor_id, r.time
  )
  SELECT s.day, s.time, s.sensor_id, s.value, coalesce(j.quality, u.quality, 'valid'), coalesce(j.late, false),
    coalesce(j.stuck, false), coalesce(j.jump, false), coalesce(j.inexact, false)
  FROM stored s
  LEFT JOIN (SELECT * FROM flag WHERE time IS NOT NULL) j ON s.day = j.day AND s.sensor_id = j.sensor_id AND s.time = j.time
  LEFT JOIN (SELECT * FROM flag WHERE time IS NULL) u ON s.day = u.day AND s.sensor_id = u.sensor_id
  DISTRIBUTE BY day, date_trunc('hour', time) SORT BY sensor_id, time;

-- A day that has nothing left was not overwritten.
DECLARE OR REPLACE VARIABLE emptied ARRAY<DATE>;
SET VARIABLE emptied = array_except(due, (
  SELECT collect_set(day) FROM delta.`${lake}/bronze/reading` WHERE array_contains(due, day) AND reason IS NULL
));
DELETE FROM delta.`${lake}/silver/sensor_reading` WHERE array_contains(emptied, day);

DELETE FROM delta.`${lake}/silver/conflicting_reading` WHERE array_contains(due, day);
INSERT INTO delta.`${lake}/silver/conflicting_reading`
  SELECT date, time, sensor_id, stored_value, value, object, byte_offset, reading FROM unstored
  WHERE value IS NOT NULL AND array_contains(due, date);

MERGE INTO delta.`${lake}/day` d USING (SELECT inline(making)) m ON d.day = m.day
  WHEN MATCHED THEN UPDATE SET made = m.made, silver_at = began
  WHEN NOT MATCHED THEN INSERT (day, made, silver_at) VALUES (m.day, m.made, began);

-- The registry as it is: names and units.
CREATE OR REPLACE TABLE delta.`${lake}/silver/sensor` USING delta AS SELECT * FROM parquet.`${archive}/lake/registry`;
