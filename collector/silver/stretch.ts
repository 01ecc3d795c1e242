import type { BatchLine } from './batch.ts';

/** What became of lines: lines = stored + duplicates + conflicts + rejected. */
export interface Tally {
  lines: number;
  stored: number;
  duplicates: number;
  conflicts: number;
  rejected: number;
}

export function emptyTally(): Tally {
  return { lines: 0, stored: 0, duplicates: 0, conflicts: 0, rejected: 0 };
}

/** Adds `more` to `sum`. */
export function addTally(sum: Tally, more: Tally): void {
  sum.lines += more.lines;
  sum.stored += more.stored;
  sum.duplicates += more.duplicates;
  sum.conflicts += more.conflicts;
  sum.rejected += more.rejected;
}

/** A stretch of one file that a batch loads: bytes `from` to `to`, and what became of its lines. */
export interface Stretch extends Tally {
  file: string;
  from: number;
  to: number;
  /** Where the stretch begins the file. */
  firstLineHash: string | null;
  /** The newest second (since 1970) that was recorded before `to`, where one is known. */
  newest: number | undefined;
}

/**
 * The stretches that lines make up.
 * @param lines in file order; those of one file follow each other without a gap.
 * @param hashes of the first lines of files that begin here.
 */
export function stretchesOf(lines: readonly BatchLine[], hashes: ReadonlyMap<string, string>): Stretch[] {
  const byFile = new Map<string, Stretch>();
  for (const { file, start, end, newest, rejection } of lines) {
    let stretch = byFile.get(file);
    if (stretch === undefined) {
      const firstLineHash = hashes.get(file) ?? null;
      stretch = { file, from: start, to: end, firstLineHash, newest, ...emptyTally() };
      byFile.set(file, stretch);
    }
    stretch.to = end;
    stretch.newest = newest;
    stretch.lines++;
    if (rejection !== undefined) stretch.rejected++;
  }
  return [...byFile.values()];
}
