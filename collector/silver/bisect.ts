import { type BatchLine, type Rejected, rejectRow } from './batch.ts';
import type { Counters } from './byte-range.ts';
import type { LoaderLog } from './protocol.ts';
import { remedyOf } from './remedy.ts';

/**
 * Stores lines; where a row is to blame for an error, narrows them down to it by halves, rejects it with its SQLSTATE, and
 * stores the others. One bad row costs one row.
 * @param store stores some of the lines in a transaction of their own.
 * @param stored told what is committed, as it happens.
 * @throws errors that blame no row, with the lines before them committed.
 */
export async function storeBisecting(
  lines: readonly BatchLine[],
  store: (lines: readonly BatchLine[]) => Promise<Counters>,
  stored: (lines: readonly BatchLine[], counters: Counters) => void,
  log: LoaderLog,
): Promise<void> {
  try {
    stored(lines, await store(lines));
  } catch (error) {
    if (remedyOf(error) === 'retry') throw error;
    const [first] = lines as [BatchLine];
    if (lines.length === 1) {
      const rejected = first.row === undefined ? inAscii(first, error) : rejectRow(first, error as Error);
      log.warn(
        { file: first.file, offset: first.start, reason: rejected.rejection?.reason },
        'the database refuses a line',
      );
      return storeBisecting([rejected], store, stored, log);
    }
    const half = lines.length >> 1;
    await storeBisecting(lines.slice(0, half), store, stored, log);
    await storeBisecting(lines.slice(half), store, stored, log);
  }
}

/**
 * A rejected line that the database cannot even keep: its encoding lacks a character. ASCII is in all of them, and the
 * sensor stands in the line.
 */
function inAscii(line: BatchLine & { rejection: Rejected }, error: unknown): BatchLine {
  const text = line.rejection.line.replace(
    /[^\x20-\x7e]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const { sensorId } = line.rejection;
  if (text === line.rejection.line && sensorId === undefined) throw error;
  return { ...line, rejection: { ...line.rejection, line: text, sensorId: undefined } };
}
