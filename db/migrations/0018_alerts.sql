-- Up Migration

CREATE TABLE gold.alert (
  alert_id    bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rule        text         NOT NULL,
  sensor_id   varchar(200) NOT NULL,
  alert_group text         NOT NULL,
  severity    text         NOT NULL,
  since       timestamptz  NOT NULL,
  fired_at    timestamptz,
  clear_since timestamptz,
  resolved_at timestamptz,
  value       double precision,
  summary     text         NOT NULL,
  told        jsonb        NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX alert_active_idx ON gold.alert (rule, sensor_id) WHERE resolved_at IS NULL;
CREATE INDEX alert_resolved_idx ON gold.alert (resolved_at);
COMMENT ON TABLE gold.alert IS 'Alerts about sensors, by the rules of ALERTS_FILE; evaluated after each refresh. Those about the pipeline are in the data folder (alerts.json).';
COMMENT ON COLUMN gold.alert.alert_id IS 'A number of its own.';
COMMENT ON COLUMN gold.alert.rule IS 'Name of the rule.';
COMMENT ON COLUMN gold.alert.sensor_id IS 'See silver.sensor.';
COMMENT ON COLUMN gold.alert.alert_group IS 'Alerts of one rule and group are told of together; empty: all of the rule.';
COMMENT ON COLUMN gold.alert.severity IS 'As the rule says.';
COMMENT ON COLUMN gold.alert.since IS 'Since when the rule has held.';
COMMENT ON COLUMN gold.alert.fired_at IS 'When it had held for long enough; NULL: it is pending.';
COMMENT ON COLUMN gold.alert.clear_since IS 'Since when it has not held any more; NULL: it holds.';
COMMENT ON COLUMN gold.alert.resolved_at IS 'When it had not held for long enough; NULL: it is not over.';
COMMENT ON COLUMN gold.alert.value IS 'What was measured last, such as a share, a mean or seconds.';
COMMENT ON COLUMN gold.alert.summary IS 'The same for a person.';
COMMENT ON COLUMN gold.alert.told IS 'What each receiver was told last: firing, or resolved.';

CREATE TABLE sluice.alerting (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  holder     text,
  held_until timestamptz
);
INSERT INTO sluice.alerting DEFAULT VALUES;
COMMENT ON TABLE sluice.alerting IS 'One row: which collector evaluates the rules of ALERTS_FILE about sensors.';
COMMENT ON COLUMN sluice.alerting.one IS 'Always true.';
COMMENT ON COLUMN sluice.alerting.holder IS 'The collector; see bronze.raw_file.';
COMMENT ON COLUMN sluice.alerting.held_until IS 'Until then no other one does, unless it says so again.';

INSERT INTO sluice.writer_right (relation, rights) VALUES
  ('gold.alert', 'INSERT, UPDATE, DELETE'),
  ('sluice.alerting', 'UPDATE');
CALL sluice.grant_roles();

-- Down Migration

DELETE FROM sluice.writer_right WHERE relation IN ('gold.alert', 'sluice.alerting');
DROP TABLE sluice.alerting, gold.alert;
