import type { Logger } from 'pino';
import { type BatchLine, rejectRow } from './batch.ts';
import type { Tally } from './stretch.ts';
import { verdictOf } from './verdict.ts';

/**
 * Stores lines; where a row is to blame for an error, narrows them down to it by halves, rejects it with its SQLSTATE, and
 * stores the others. One bad row costs one row.
 * @param store stores some of the lines in a transaction of their own.
 * @param stored told what is committed, as it happens.
 * @throws errors that blame no row, with the lines before them committed.
 */
export async function storeNarrowing(
  lines: readonly BatchLine[],
  store: (lines: readonly BatchLine[]) => Promise<Tally>,
  stored: (lines: readonly BatchLine[], tally: Tally) => void,
  log: Logger,
): Promise<void> {
  try {
    stored(lines, await store(lines));
  } catch (error) {
    const first = lines[0]!;
    if (verdictOf(error) === 'retry' || (lines.length === 1 && first.row === undefined)) throw error;
    if (lines.length === 1) {
      const rejected = rejectRow(first as BatchLine & { row: NonNullable<BatchLine['row']> }, error as Error);
      log.warn(
        { file: first.file, offset: first.start, reason: rejected.rejection?.reason },
        'the database refuses a row',
      );
      return storeNarrowing([rejected], store, stored, log);
    }
    const half = lines.length >> 1;
    await storeNarrowing(lines.slice(0, half), store, stored, log);
    await storeNarrowing(lines.slice(half), store, stored, log);
  }
}
