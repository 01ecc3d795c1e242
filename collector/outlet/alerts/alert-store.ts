import type { Alert } from './alert.ts';

/** Where alerts are kept, so that a restart neither repeats nor forgets one. */
export interface AlertStore {
  /**
   * Those that are not over, and those that somebody is still to be told of; a time in which nobody looked is taken out of
   * them (`afterAbsence`).
   * @param now ms since 1970.
   */
  load(now: number): Promise<Alert[]>;
  /** Keeps some, new ones among them, and removes others; all of it or nothing. @returns those that were kept, with their ids. */
  save(kept: readonly Alert[], removed: readonly Alert[]): Promise<Alert[]>;
}
