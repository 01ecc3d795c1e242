-- Up Migration

CREATE TABLE sluice.mailed_report (
  report    text        NOT NULL,
  day       date        NOT NULL,
  mailed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (report, day)
);
COMMENT ON TABLE sluice.mailed_report IS 'Reports that were mailed (REPORT_EMAIL, REPORT_BY): none is sent twice.';
COMMENT ON COLUMN sluice.mailed_report.report IS 'Empty: that of all sensors; else the customer or site whose part it is.';
COMMENT ON COLUMN sluice.mailed_report.day IS 'The UTC date that it is about.';
COMMENT ON COLUMN sluice.mailed_report.mailed_at IS 'When the mail server took it.';

INSERT INTO sluice.writer_right (relation, rights) VALUES ('sluice.mailed_report', 'INSERT');
CALL sluice.grant_roles();

-- Down Migration

DELETE FROM sluice.writer_right WHERE relation = 'sluice.mailed_report';
DROP TABLE sluice.mailed_report;
