import type { ClientBase } from 'pg';
import { globPattern } from '../selection.ts';
import type { Observation } from './alert.ts';
import type { RuleEntry } from './alerts-schema.ts';
import { ruleKinds } from './rules.ts';

/** Digits of a value in a sentence. */
const DIGITS = 4;

/** Whether a rule is about sensors. */
export function isAboutSensors({ when }: RuleEntry): boolean {
  return ruleKinds.some(({ name }) => name === when);
}

/**
 * Asks gold what a rule sees.
 * @param active sensors with an alert of the rule: of others only those are told of which are bad.
 */
export async function observe(
  client: ClientBase,
  rule: RuleEntry,
  active: readonly string[],
): Promise<Observation[]> {
  const { when, sensors = ['*'], group = 'rule' } = rule;
  const { sql, values, summary, absentIsFine } = ruleKinds
    .find(({ name }) => name === when)!
    .question(rule as never);
  const { groupSql, attribute } = groupOf(group);
  const place = values.length + 3;
  const { rows } = await client.query<{
    sensor_id: string;
    value: number | null;
    bad: boolean;
    fine: boolean;
    name: string;
  }>(
    `SELECT o.sensor_id, o.value::float8 AS value, o.bad, o.fine, coalesce(${groupSql.replace('$', `$${place + 1}`)}, '') AS name
     FROM (${sql}) o LEFT JOIN silver.sensor g ON g.sensor_id = o.sensor_id
     WHERE o.bad OR o.sensor_id = ANY ($${place}::text[])`,
    [...patternsOf(sensors), ...values, active, ...attribute],
  );
  const found = rows.map(({ sensor_id: subject, value, bad, fine, name }) => ({
    subject,
    group: group === 'sensor' ? subject : name,
    value: value ?? undefined,
    bad,
    fine,
    summary: summary(subject, value === null ? '' : String(Number(value.toPrecision(DIGITS)))),
  }));
  if (absentIsFine !== true) return found;
  const present = new Set(rows.map(({ sensor_id }) => sensor_id));
  const absent = active.filter(sensor => !present.has(sensor));
  return [...found, ...absent.map(subject => ({ subject, group: '', bad: false, fine: true, summary: '' }))];
}

/** What the sensors of a group share, as SQL over their row `g` of silver.sensor. */
function groupOf(group: string): { groupSql: string; attribute: string[] } {
  if (group === 'location') return { groupSql: 'g.location', attribute: [] };
  if (!group.startsWith('attributes.')) return { groupSql: "''", attribute: [] };
  return { groupSql: 'g.attributes ->> $', attribute: [group.slice('attributes.'.length)] };
}

/** Patterns of what is meant, and of what is not, as PostgreSQL takes them. */
function patternsOf(globs: readonly string[]): [string[], string[]] {
  const without = globs.filter(glob => glob.startsWith('!')).map(glob => globPattern(glob.slice(1)).source);
  const within = globs.filter(glob => !glob.startsWith('!')).map(glob => globPattern(glob).source);
  return [within.length === 0 ? ['.*'] : within, without];
}
