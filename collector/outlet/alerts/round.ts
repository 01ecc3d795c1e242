import { errorText } from '../../../base/errors.ts';
import type { LoaderLog } from '../../silver/protocol.ts';
import { type Alert, nextAlert, type Observation, stateOf, type Told, untold } from './alert.ts';
import type { AlertStore } from './alert-store.ts';
import type { ReceiverEntry, RuleEntry } from './alerts-schema.ts';
import { alertsOf, type Notice, noticesOf } from './notice.ts';
import { receiverKinds } from './receivers.ts';

/** How long a receiver may take for a notice. */
const SEND_MS = 15_000;
/** One that refuses is told this many notices at most in a round; the rest in the next one. */
const MOST_FAILURES = 1;

/** What a rule has seen; undefined: nobody could look, and everything stays as it is. */
export type Seen = ReadonlyMap<RuleEntry, readonly Observation[] | undefined>;

/** Alerts of one store: they follow what rules see, and whoever is to be told of them is told, at least once. */
export class AlertRounds {
  readonly #receivers: readonly ReceiverEntry[];
  readonly #log: LoaderLog;
  /** Receivers that do not take what they are told, and why. */
  readonly #failing = new Map<string, string>();

  constructor(receivers: readonly ReceiverEntry[], log: LoaderLog) {
    this.#receivers = receivers;
    this.#log = log;
  }

  /** What is wrong with receivers, by name. */
  get failing(): ReadonlyMap<string, string> {
    return this.#failing;
  }

  /** Brings the alerts to what was seen, and tells of them. @param now ms since 1970. @throws errors of the store. */
  async run(store: AlertStore, seen: Seen, now: number): Promise<void> {
    const before = await store.load(now);
    const { kept: followed, removed } = follow(before, seen, now);
    const kept = followed.map(alert => this.#addressed(alert, seen));
    const changed = new Set(kept.map(({ id }) => id));
    const saved = kept.length + removed.length > 0 ? await store.save(kept, removed) : [];
    const gone = new Set(removed.map(({ id }) => id));
    const alerts = [...before.filter(({ id }) => !changed.has(id) && !gone.has(id)), ...saved];
    const rules = new Map([...seen.keys()].map(rule => [rule.name, rule]));
    const told = await this.#tell(alerts, rules);
    if (told.length > 0) await store.save(told, []);
  }

  /** An alert that has just fired, with those who are to be told of it: kept with it, so that a crash forgets none. */
  #addressed(alert: Alert, seen: Seen): Alert {
    if (stateOf(alert) !== 'firing' || Object.keys(alert.told).length > 0) return alert;
    const to = [...seen.keys()].find(({ name }) => name === alert.rule)?.to;
    const names = this.#receivers.map(({ name }) => name).filter(name => to?.includes(name) ?? true);
    return { ...alert, told: Object.fromEntries(names.map(name => [name, 'due' as const])) };
  }

  /** @returns the alerts of which somebody was told. */
  async #tell(alerts: readonly Alert[], rules: ReadonlyMap<string, RuleEntry>): Promise<Alert[]> {
    const told = new Map<Alert, Record<string, Told>>();
    await Promise.all(
      this.#receivers.map(async receiver => {
        const { repeats } = receiverKinds.find(({ name }) => name === receiver.kind)!;
        const meant = alerts.filter(({ rule }) => rules.get(rule)?.to?.includes(receiver.name) ?? true);
        const news = meant.filter(
          alert => untold(alert, receiver.name) !== undefined || (repeats && stateOf(alert) === 'firing'),
        );
        let failures = 0;
        for (const notice of noticesOf(news, receiver.name)) {
          const all = alertsOf(notice);
          try {
            await sendTo(receiver, notice);
          } catch (error) {
            this.#noteFailure(receiver.name, error);
            if (++failures >= MOST_FAILURES) return;
            continue;
          }
          this.#failing.delete(receiver.name);
          for (const alert of all.filter(alert => untold(alert, receiver.name) !== undefined)) {
            const state = stateOf(alert) as 'firing' | 'resolved';
            told.set(alert, { ...(told.get(alert) ?? alert.told), [receiver.name]: state });
          }
        }
      }),
    );
    return [...told].map(([alert, told]) => ({ ...alert, told }));
  }

  #noteFailure(name: string, error: unknown): void {
    const reason = errorText(error);
    if (this.#failing.get(name) !== reason)
      this.#log.warn({ receiver: name, reason }, 'a receiver of alerts cannot be told; it is tried again');
    this.#failing.set(name, reason);
  }
}

/** Tells a receiver. @throws why it could not be told. */
export async function sendTo(receiver: ReceiverEntry, notice: Notice): Promise<void> {
  const kind = receiverKinds.find(({ name }) => name === receiver.kind)!;
  const signal = AbortSignal.timeout(SEND_MS);
  await kind.send(notice, receiver as never, signal).catch((error: Error) => {
    if (!signal.aborted) throw error;
    throw new Error(`no answer within ${SEND_MS / 1000} s`, { cause: error });
  });
}

/** What becomes of alerts: those that are new or have changed, and those that are none any more. */
function follow(before: readonly Alert[], seen: Seen, now: number): { kept: Alert[]; removed: Alert[] } {
  const active = new Map(
    before
      .filter(({ resolvedAt }) => resolvedAt === undefined)
      .map(alert => [keyOf(alert.rule, alert.subject), alert]),
  );
  const [kept, removed]: [Alert[], Alert[]] = [[], []];
  for (const [rule, observations] of seen) {
    const { name, severity, for: forMs, keep: keepMs } = rule;
    for (const observation of observations ?? []) {
      const alert = active.get(keyOf(name, observation.subject));
      const next = nextAlert(alert, observation, { rule: name, severity }, now, { forMs, keepMs });
      if (next !== undefined) kept.push(next);
      else if (alert !== undefined) removed.push(alert);
    }
  }
  // Of a rule that is not in the file any more nothing more is seen.
  const rules = new Set([...seen.keys()].map(({ name }) => name));
  for (const alert of active.values()) {
    if (rules.has(alert.rule)) continue;
    if (alert.firedAt === undefined) removed.push(alert);
    else kept.push({ ...alert, resolvedAt: now });
  }
  return { kept, removed };
}

function keyOf(rule: string, subject: string): string {
  return JSON.stringify([rule, subject]);
}
