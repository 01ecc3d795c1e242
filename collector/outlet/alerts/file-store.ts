import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../../base/atomic-file.ts';
import { type Alert, stateOf } from './alert.ts';
import type { AlertStore } from './alert-store.ts';

/** What is over is kept for so long, for who looks. In ms. */
const KEPT_MS = 86_400_000;

/** Alerts about the pipeline itself, in the data folder: they are there when the database is not. */
export class FileStore implements AlertStore {
  readonly #file: string;
  #alerts: Alert[] | undefined;
  #lastId = 0;

  constructor(dataDir: string) {
    this.#file = join(dataDir, 'alerts.json');
  }

  /** Those that are not over, and those that have been over for a day at most. */
  get recent(): readonly Alert[] {
    return this.#alerts ?? [];
  }

  async load(): Promise<Alert[]> {
    this.#alerts ??= await this.#read();
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
    // What was measured last is not worth a write every few seconds.
    if (isNews || removed.length > 0) await writeAtomically(this.#file, `${JSON.stringify(alerts)}\n`);
    return named;
  }

  async #read(): Promise<Alert[]> {
    try {
      return JSON.parse(await readFile(this.#file, 'utf8')) as Alert[];
    } catch {
      // None yet, or not readable: what holds now is found again.
      return [];
    }
  }
}

function hasNews(alert: Alert, before: Alert | undefined): boolean {
  if (before === undefined || stateOf(alert) !== stateOf(before)) return true;
  return alert.clearSince !== before.clearSince || JSON.stringify(alert.told) !== JSON.stringify(before.told);
}
