import type { BatchLine } from './batch.ts';

/** What became of lines: lines = stored + duplicates + conflicts + rejected. */
export interface Counters {
  lines: number;
  stored: number;
  duplicates: number;
  conflicts: number;
  rejected: number;
}

export function emptyCounters(): Counters {
  return { lines: 0, stored: 0, duplicates: 0, conflicts: 0, rejected: 0 };
}

/** Adds `more` to `sum`. */
export function addCounters(sum: Counters, more: Counters): void {
  sum.lines += more.lines;
  sum.stored += more.stored;
  sum.duplicates += more.duplicates;
  sum.conflicts += more.conflicts;
  sum.rejected += more.rejected;
}

/** A range of one file that a batch loads: bytes `from` to `to`, and what became of its lines. */
export interface ByteRange extends Counters {
  file: string;
  from: number;
  to: number;
  /** Where the range begins the file. */
  firstLineHash: string | null;
  /** The newest second (since 1970) that was recorded before `to`, where one is known. */
  newest: number | undefined;
}

/**
 * The ranges that lines make up.
 * @param lines in file order; those of one file follow each other without a gap.
 * @param hashes of the first lines of files that begin here.
 */
export function byteRangesOf(lines: readonly BatchLine[], hashes: ReadonlyMap<string, string>): ByteRange[] {
  const byFile = new Map<string, ByteRange>();
  for (const { file, start, end, newest, rejection } of lines) {
    let range = byFile.get(file);
    if (range === undefined) {
      const firstLineHash = hashes.get(file) ?? null;
      range = { file, from: start, to: end, firstLineHash, newest, ...emptyCounters() };
      byFile.set(file, range);
    }
    range.to = end;
    range.newest = newest;
    range.lines++;
    if (rejection !== undefined) range.rejected++;
  }
  return [...byFile.values()];
}
