import { type BatchLine, type Rejected, refuseRow } from './batch-line.ts';
import type { Counters } from './counters.ts';
import type { LoaderLog } from './protocol.ts';

/** How lines are stored, and what an error means. */
export interface Bisection {
  /** Stores some of the lines in a transaction of their own. */
  store: (lines: readonly BatchLine[]) => Promise<Counters>;
  /** Does the same with one line, and rolls it back. */
  rehearse: (line: BatchLine) => Promise<unknown>;
  /** Told what is committed, as it happens. */
  stored: (lines: readonly BatchLine[], counters: Counters) => void;
  /** Whether a row is to blame for an error. */
  blamesRow: (error: unknown) => Promise<boolean>;
  log: LoaderLog;
}

/**
 * Stores lines; where a row is to blame for an error, finds it by halving, refuses it with its SQLSTATE, and stores the
 * others. One bad row costs one row.
 * @throws errors that blame no row, with the lines before them committed.
 */
export async function storeBisecting(lines: readonly BatchLine[], bisection: Bisection): Promise<void> {
  const { store, stored, blamesRow, log } = bisection;
  try {
    stored(lines, await store(lines));
  } catch (error) {
    if (!(await blamesRow(error))) throw error;
    const [first] = lines as [BatchLine];
    if (lines.length === 1) {
      const rest = await withoutCulprit(first, error as Error, bisection);
      const reason = (rest.rejection ?? rest.refusals.at(-1))?.reason;
      log.warn({ file: first.file, offset: first.start, reason }, 'the database refuses a line');
      return storeBisecting([rest], bisection);
    }
    const half = lines.length >> 1;
    await storeBisecting(lines.slice(0, half), bisection);
    await storeBisecting(lines.slice(half), bisection);
  }
}

/** The line without what the database refuses of it. @throws the error where that cannot be found. */
async function withoutCulprit(
  line: BatchLine,
  error: Error,
  { rehearse, blamesRow }: Bisection,
): Promise<BatchLine> {
  if (line.rows.length === 0) return inAscii(line, error);
  let suspects = line.rows;
  let blamed = error;
  while (suspects.length > 1) {
    const half = suspects.slice(0, suspects.length >> 1);
    try {
      await rehearse({ ...line, rows: half, refusals: [] });
      suspects = suspects.slice(half.length);
    } catch (halfsError) {
      if (!(await blamesRow(halfsError))) throw halfsError;
      suspects = half;
      blamed = halfsError as Error;
    }
  }
  return refuseRow(line, suspects[0]!, blamed);
}

/**
 * What cannot be stored, and cannot even be kept as it is: the encoding of the database lacks a character. ASCII is in all
 * of them, and the sensor stands in the text.
 */
function inAscii(line: BatchLine, error: unknown): BatchLine {
  const plain = (rejected: Rejected): Rejected => ({
    ...rejected,
    text: rejected.text.replace(
      /[^\x20-\x7e]/g,
      char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
    sensorId: undefined,
  });
  const { rejection, refusals } = line;
  const kept: BatchLine = {
    ...line,
    rejection: rejection && plain(rejection),
    refusals: refusals.map(plain),
  };
  const before = JSON.stringify([rejection, refusals]);
  if (JSON.stringify([kept.rejection, kept.refusals]) === before) throw error;
  return kept;
}
