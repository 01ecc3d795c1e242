import { RawFileName } from '../../collector/bronze/raw-file-name.ts';
import { keyOfEntry, type LedgerEntry } from '../../collector/silver/ledger.ts';
import type { Difference } from './difference.ts';

/** What the settings say of how long raw files and readings are kept: days, 0 is for ever. */
export interface RetentionDays {
  raw: number;
  silver: number;
}

const DAY_MS = 86_400_000;
const AS_IT_WAS = 'Where the setting was another one then, verify by it once';

/**
 * From when on silver is held to the files: from where it says that it keeps readings, but not later than the settings explain.
 * @param marked what sluice.retention says. @param days undefined: nobody asks what the settings say.
 */
export function heldSince(
  marked: Date | undefined,
  days: RetentionDays | undefined,
  now: Date,
): { since: Date | undefined; difference?: Difference } {
  if (marked === undefined || days === undefined) return { since: marked };
  const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
  const explained = days.silver === 0 ? undefined : new Date(today - days.silver * DAY_MS);
  if (explained !== undefined && marked <= explained) return { since: marked };
  const what = `sluice.retention says that readings before ${marked.toISOString().slice(0, 10)} are not kept, which SILVER_RETENTION_DAYS=${days.silver} does not explain. ${AS_IT_WAS}`;
  return { since: explained, difference: { kind: 'retention', what } };
}

/**
 * What is wrong with the entry of a file that was removed as too old. One that is due and there all the same is not: a crash
 * came between ledger and folder, and the next night removes it. Nor is one that the archive has to its end.
 */
export function removalDifference(
  { path, removedAt, isArchived }: LedgerEntry,
  isThere: boolean,
  days: RetentionDays | undefined,
): Difference | undefined {
  const file = keyOfEntry(path);
  const name = RawFileName.ofKey(file);
  if (removedAt === undefined || isArchived || days === undefined || name === undefined) return undefined;
  const dayEnded = Date.parse(`${name.date}T00:00:00Z`) + DAY_MS;
  const isDue = days.raw > 0 && dayEnded + days.raw * DAY_MS <= new Date(removedAt).getTime();
  if (isDue) return undefined;
  const still = isThere && file === path ? ', and it is there' : '';
  const what = `the file was removed at ${removedAt}${still}, which RAW_RETENTION_DAYS=${days.raw} does not explain. ${AS_IT_WAS}`;
  return { kind: 'removed_file', file, what };
}
