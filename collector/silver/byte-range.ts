import type { BatchLine } from './batch-line.ts';
import { type Counters, emptyCounters } from './counters.ts';

/** The range of one file that a batch loads: bytes `from` to `to`, and what became of its lines. */
export interface ByteRange extends Counters {
  file: string;
  from: number;
  to: number;
  /** Where the range begins the file. */
  firstLineHash: string | null;
  /** The newest second (since 1970) that was recorded before `to`, where one is known. */
  newest: number | undefined;
  /** Hash of the topics file, where its lines are messages in envelopes. */
  decodedWith: string | undefined;
}

/**
 * The ranges that lines make up, with what is known of them before they are stored.
 * @param lines in file order; those of one file follow each other without a gap.
 * @param hashes of the first lines of files that begin here.
 */
export function byteRangesOf(lines: readonly BatchLine[], hashes: ReadonlyMap<string, string>): ByteRange[] {
  const byFile = new Map<string, ByteRange>();
  for (const line of lines) {
    const { file, start, end, newest, decodedWith } = line;
    let range = byFile.get(file);
    if (range === undefined) {
      const firstLineHash = hashes.get(file) ?? null;
      range = { file, from: start, to: end, firstLineHash, newest, decodedWith, ...emptyCounters() };
      byFile.set(file, range);
    }
    range.to = end;
    range.newest = newest;
    countLine(range, line);
  }
  return [...byFile.values()];
}

/** Counts a line and its readings, but for what becomes of those that are to be stored. */
export function countLine(counters: Counters, { rows, refusals, rejection }: BatchLine): void {
  const readings = rows.length + refusals.length;
  counters.lines++;
  if (rejection !== undefined) counters.rejected++;
  else if (readings === 0) counters.empty++;
  else counters.understood++;
  counters.readings += readings;
  counters.refused += refusals.length;
}
