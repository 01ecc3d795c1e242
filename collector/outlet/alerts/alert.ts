/** An alert: that a rule holds for something, from when it began to when it was over. Times are ms since 1970. */
export interface Alert {
  /** In its store; undefined: it is not there yet. */
  id?: string | undefined;
  rule: string;
  /** What it is about: a sensor's id, or what of the pipeline. */
  subject: string;
  /** Alerts of one rule and group are told of together. */
  group: string;
  severity: string;
  /** Since when the rule has held. */
  since: number;
  /** When it had held for long enough; undefined: it is pending. */
  firedAt?: number | undefined;
  /** Since when it has not held any more; undefined: it holds. */
  clearSince?: number | undefined;
  resolvedAt?: number | undefined;
  /** What was measured last, in the unit of the rule. */
  value?: number | undefined;
  /** For a person. */
  summary: string;
  /** What each receiver has been told; `due`: it is to be told that it fires, and has not been yet. */
  told: Readonly<Record<string, Told>>;
}

export type Told = 'due' | 'firing' | 'resolved';

/** What a rule sees of something at a moment. Neither bad nor fine: it stays as it is, which is what hysteresis means. */
export interface Observation {
  subject: string;
  group: string;
  value?: number | undefined;
  bad: boolean;
  fine: boolean;
  summary: string;
}

/** How long a rule has to hold, or not to hold, until that counts. In ms. */
export interface Hold {
  forMs: number;
  keepMs: number;
}

/**
 * The alert after an observation: *pending* while it has not held for long enough, *firing*, and *resolved* when it has not
 * held for long enough.
 * @returns undefined where there is none, or none any more.
 */
export function nextAlert(
  alert: Alert | undefined,
  { bad, fine, ...seen }: Observation,
  { rule, severity }: Pick<Alert, 'rule' | 'severity'>,
  now: number,
  { forMs, keepMs }: Hold,
): Alert | undefined {
  if (alert === undefined) {
    if (!bad) return undefined;
    return { rule, severity, since: now, told: {}, ...seen, firedAt: forMs === 0 ? now : undefined };
  }
  if (bad) {
    const firedAt = alert.firedAt ?? (now - alert.since >= forMs ? now : undefined);
    return { ...alert, ...seen, severity, firedAt, clearSince: undefined };
  }
  if (!fine) return { ...alert, clearSince: undefined };
  if (alert.firedAt === undefined) return undefined;
  const clearSince = alert.clearSince ?? now;
  return {
    ...alert,
    value: seen.value,
    clearSince,
    resolvedAt: now - clearSince >= keepMs ? now : undefined,
  };
}

export function stateOf({ firedAt, resolvedAt }: Alert): 'pending' | 'firing' | 'resolved' {
  if (resolvedAt !== undefined) return 'resolved';
  return firedAt === undefined ? 'pending' : 'firing';
}

/**
 * Whether a receiver is still to be told of an alert, and of what. Of the end of one that it was never to be told of, as it
 * came into the file later, it is told nothing.
 */
export function untold(alert: Alert, receiver: string): 'firing' | 'resolved' | undefined {
  const state = stateOf(alert);
  const told = alert.told[receiver];
  if (state === 'pending' || told === state) return undefined;
  return state === 'resolved' && told === undefined ? undefined : state;
}

/** The alert after a time in which nobody looked: in it neither what is pending held, nor was what fires over. */
export function afterAbsence(alert: Alert, absentMs: number): Alert {
  if (alert.resolvedAt !== undefined) return alert;
  if (alert.firedAt === undefined) return { ...alert, since: alert.since + absentMs };
  return alert.clearSince === undefined ? alert : { ...alert, clearSince: alert.clearSince + absentMs };
}

/** An alert as programs see it. */
export function alertView(alert: Alert) {
  const { rule, subject, group, severity, since, firedAt, resolvedAt, value = null, summary } = alert;
  const time = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
  return {
    state: stateOf(alert),
    rule,
    subject,
    group,
    severity,
    since: new Date(since).toISOString(),
    fired_at: time(firedAt),
    resolved_at: time(resolvedAt),
    value,
    summary,
  };
}
