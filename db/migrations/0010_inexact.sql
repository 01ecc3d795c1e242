-- Up Migration

ALTER TABLE silver.sensor_reading ADD COLUMN inexact boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN silver.sensor_reading.inexact IS 'The value that was sent is a whole number beyond 2^53, or one close to 0, that no double holds: this is the nearest one, and the raw file has its digits.';

-- Down Migration

ALTER TABLE silver.sensor_reading DROP COLUMN inexact;
