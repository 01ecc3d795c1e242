import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../../base/atomic-file.ts';
import { type Alert, afterAbsence, stateOf } from './alert.ts';
import type { AlertStore } from './alert-store.ts';

/** What is over is kept for so long, for who looks. In ms. */
const KEPT_MS = 86_400_000;
/** Whoever has not looked for longer was away: not running, or asleep. */
const ABSENT_MS = 60_000;

/** What the file holds. */
interface Kept {
  /** When the pipeline was looked at last, while anything was pending or about to be over; ms since 1970. */
  lookedAt?: number | undefined;
  alerts: Alert[];
}

/** Alerts about the pipeline itself, in the data folder: they are there when the database is not. */
export class FileStore implements AlertStore {
  readonly #file: string;
  #alerts: Alert[] | undefined;
  #lookedAt: number | undefined;
  #lastId = 0;

  constructor(dataDir: string) {
    this.#file = join(dataDir, 'alerts.json');
  }

  /** Those that are not over, and those that have been over for a day at most. */
  get recent(): readonly Alert[] {
    return this.#alerts ?? [];
  }

  /** What the file says, as it stands there. */
  async read(): Promise<Alert[]> {
    return (await this.#read()).alerts;
  }

  async load(now: number): Promise<Alert[]> {
    if (this.#alerts === undefined) {
      const { alerts, lookedAt } = await this.#read();
      this.#alerts = alerts;
      this.#lookedAt = lookedAt;
    }
    const absentMs = now - (this.#lookedAt ?? now);
    if (absentMs > ABSENT_MS) this.#alerts = this.#alerts.map(alert => afterAbsence(alert, absentMs));
    this.#lookedAt = now;
    this.#lastId = Math.max(this.#lastId, ...this.#alerts.map(({ id }) => Number(id)));
    return [...this.#alerts];
  }

  async save(kept: readonly Alert[], removed: readonly Alert[]): Promise<Alert[]> {
    const named = kept.map(alert => ({ ...alert, id: alert.id ?? String(++this.#lastId) }));
    const gone = new Set([...named, ...removed].map(({ id }) => id));
    const since = Date.now() - KEPT_MS;
    const rest = (this.#alerts ?? []).filter(
      ({ id, resolvedAt }) => !gone.has(id) && (resolvedAt ?? since) >= since,
    );
    const alerts = [...rest, ...named];
    const isNews = named.some(alert =>
      hasNews(
        alert,
        this.#alerts?.find(({ id }) => id === alert.id),
      ),
    );
    this.#alerts = alerts;
    // What was measured last is not worth a write every few seconds; how long something has held by now is.
    if (isNews || removed.length > 0 || alerts.some(isCounting)) {
      const kept: Kept = { lookedAt: this.#lookedAt, alerts };
      await writeAtomically(this.#file, `${JSON.stringify(kept)}\n`);
    }
    return named;
  }

  async #read(): Promise<Kept> {
    try {
      const kept = JSON.parse(await readFile(this.#file, 'utf8')) as Kept | Alert[];
      // So it was before it was noted when somebody looked.
      return Array.isArray(kept) ? { alerts: kept } : kept;
    } catch {
      // None yet, or not readable: what holds now is found again.
      return { alerts: [] };
    }
  }
}

/** Whether it is to fire, or to be over, after some more time. */
function isCounting(alert: Alert): boolean {
  return stateOf(alert) === 'pending' || (alert.clearSince !== undefined && alert.resolvedAt === undefined);
}

function hasNews(alert: Alert, before: Alert | undefined): boolean {
  if (before === undefined || stateOf(alert) !== stateOf(before)) return true;
  return alert.clearSince !== before.clearSince || JSON.stringify(alert.told) !== JSON.stringify(before.told);
}
