import type { Alert } from './alert.ts';

/** What a receiver is told at once: alerts of one rule and group, those that fire and those that are over. */
export interface Notice {
  rule: string;
  group: string;
  severity: string;
  firing: readonly Alert[];
  /** They fired and were over before the receiver could be told. */
  missed: readonly Alert[];
  resolved: readonly Alert[];
}

/** All alerts of a notice. */
export function alertsOf({ firing, missed, resolved }: Notice): Alert[] {
  return [...firing, ...missed, ...resolved];
}

/** So many subjects are named in a title, and so many alerts in a text. */
const NAMED = 3;
const LISTED = 20;

/** One line: `silent: Sensor 1, Sensor 2, Sensor 3 and 497 more`. */
export function titleOf({ rule, group, firing, missed, resolved }: Notice): string {
  const [state, some] =
    firing.length > 0
      ? ['Firing', firing]
      : resolved.length > 0
        ? ['Resolved', resolved]
        : ['Fired and resolved', missed];
  const names = some.slice(0, NAMED).map(({ subject }) => subject);
  const more = some.length > NAMED ? ` and ${some.length - NAMED} more` : '';
  return `${state}: ${rule}${group === '' ? '' : ` (${group})`}: ${names.join(', ')}${more}`;
}

/** The whole of it as lines of text. */
export function textOf({ firing, missed, resolved }: Notice): string {
  const lines = [
    ...firing.map(({ summary, since }) => `firing since ${timeOf(since)}: ${summary}`),
    ...missed.map(
      ({ summary, since, resolvedAt }) =>
        `fired and resolved, from ${timeOf(since)} to ${timeOf(resolvedAt!)}: ${summary}`,
    ),
    ...resolved.map(
      ({ subject, since, resolvedAt }) =>
        `resolved: ${subject}, from ${timeOf(since)} to ${timeOf(resolvedAt!)}`,
    ),
  ];
  const more = lines.length > LISTED ? [`and ${lines.length - LISTED} more`] : [];
  return [...lines.slice(0, LISTED), ...more].join('\n');
}

/** Alerts as notices for a receiver, one for each rule and group. */
export function noticesOf(alerts: readonly Alert[], receiver: string): Notice[] {
  const groups = Map.groupBy(alerts, ({ rule, group }) => JSON.stringify([rule, group]));
  return [...groups.values()].map(some => {
    const { rule, group, severity } = some[0]!;
    const kinds = Map.groupBy(some, ({ resolvedAt, told }) => {
      if (resolvedAt === undefined) return 'firing';
      return told[receiver] === 'due' ? 'missed' : 'resolved';
    });
    const [firing = [], missed = [], resolved = []] = [
      kinds.get('firing'),
      kinds.get('missed'),
      kinds.get('resolved'),
    ];
    return { rule, group, severity, firing, missed, resolved };
  });
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
