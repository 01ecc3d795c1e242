import type { ClientBase } from 'pg';
import type { Alert } from './alert.ts';
import type { AlertStore } from './alert-store.ts';

/** Of what is over for longer than this nobody is told any more. */
const TOLD_WITHIN = '7 days';

const COLUMNS = `alert_id, rule, sensor_id, alert_group, severity, since, fired_at, clear_since, resolved_at, value, summary, told`;

/** Alerts about sensors: gold.alert. */
export class DatabaseStore implements AlertStore {
  readonly #client: ClientBase;
  readonly #receivers: readonly string[];

  /** @param receivers names of all who are to be told. */
  constructor(client: ClientBase, receivers: readonly string[]) {
    this.#client = client;
    this.#receivers = receivers;
  }

  async load(): Promise<Alert[]> {
    const { rows } = await this.#client.query<AlertRow>(
      `SELECT ${COLUMNS} FROM gold.alert
       WHERE resolved_at IS NULL OR (resolved_at > now() - INTERVAL '${TOLD_WITHIN}'
         AND EXISTS (SELECT FROM unnest($1::text[]) r WHERE told ->> r IN ('due', 'firing')))
       ORDER BY alert_id`,
      [this.#receivers],
    );
    return rows.map(alertOf);
  }

  async save(kept: readonly Alert[], removed: readonly Alert[]): Promise<Alert[]> {
    const [fresh, known] = [
      kept.filter(({ id }) => id === undefined),
      kept.filter(({ id }) => id !== undefined),
    ];
    const { rows } = await this.#client.query<{ alert_id: string }>(
      `WITH said AS (
         SELECT * FROM jsonb_to_recordset($1::jsonb) AS r (alert_id bigint, rule text, sensor_id text, alert_group text,
           severity text, since timestamptz, fired_at timestamptz, clear_since timestamptz, resolved_at timestamptz,
           value float8, summary text, told jsonb)
       ), removed AS (
         DELETE FROM gold.alert WHERE alert_id = ANY ($2::bigint[])
       ), changed AS (
         UPDATE gold.alert a SET alert_group = s.alert_group, severity = s.severity, fired_at = s.fired_at, clear_since = s.clear_since,
           resolved_at = s.resolved_at, value = s.value, summary = s.summary, told = s.told
         FROM said s WHERE a.alert_id = s.alert_id
       )
       INSERT INTO gold.alert (rule, sensor_id, alert_group, severity, since, fired_at, clear_since, resolved_at, value, summary, told)
       SELECT rule, sensor_id, alert_group, severity, since, fired_at, clear_since, resolved_at, value, summary, told
       FROM said WHERE alert_id IS NULL
       RETURNING alert_id`,
      [JSON.stringify([...known, ...fresh].map(rowOf)), removed.map(({ id }) => id)],
    );
    return [...known, ...fresh.map((alert, index) => ({ ...alert, id: rows[index]!.alert_id }))];
  }
}

interface AlertRow {
  alert_id: string;
  rule: string;
  sensor_id: string;
  alert_group: string;
  severity: string;
  since: Date;
  fired_at: Date | null;
  clear_since: Date | null;
  resolved_at: Date | null;
  value: number | null;
  summary: string;
  told: Alert['told'];
}

function alertOf(row: AlertRow): Alert {
  return {
    id: row.alert_id,
    rule: row.rule,
    subject: row.sensor_id,
    group: row.alert_group,
    severity: row.severity,
    since: row.since.getTime(),
    firedAt: row.fired_at?.getTime(),
    clearSince: row.clear_since?.getTime(),
    resolvedAt: row.resolved_at?.getTime(),
    value: row.value ?? undefined,
    summary: row.summary,
    told: row.told,
  };
}

function rowOf(alert: Alert) {
  const time = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
  return {
    alert_id: alert.id ?? null,
    rule: alert.rule,
    sensor_id: alert.subject,
    alert_group: alert.group,
    severity: alert.severity,
    since: time(alert.since),
    fired_at: time(alert.firedAt),
    clear_since: time(alert.clearSince),
    resolved_at: time(alert.resolvedAt),
    value: alert.value ?? null,
    summary: alert.summary,
    told: alert.told,
  };
}

/**
 * The alerts of the database, newest first: those that are not over, and those that have been over for a day at most.
 * @param ask asks the database.
 */
export async function recentAlerts(ask: (sql: string) => Promise<unknown[]>): Promise<Alert[]> {
  const rows = await ask(
    `SELECT ${COLUMNS} FROM gold.alert WHERE resolved_at IS NULL OR resolved_at > now() - INTERVAL '1 day'
     ORDER BY resolved_at IS NOT NULL, since DESC, alert_id LIMIT 1000`,
  );
  return (rows as AlertRow[]).map(alertOf);
}
