import { RawFileName } from '../../collector/bronze/raw-file-name.ts';
import type { BatchLine } from '../../collector/silver/batch-line.ts';

/**
 * Lines of days that silver does not keep any more (SILVER_RETENTION_DAYS). What of them was loaded once is not put back;
 * the others are loaded as late ones are, and go with the next night.
 */
export class ForgottenLines {
  /** Microseconds since 1970. */
  readonly #since: number | undefined;
  readonly #date: string;
  count = 0;

  /** @param since from when on silver is kept; undefined where it keeps everything. */
  constructor(since: Date | undefined) {
    this.#since = since && since.getTime() * 1000;
    this.#date = since?.toISOString().slice(0, 10) ?? '';
  }

  /** What of a line that was loaded once is to be put back; undefined: nothing, and the line is counted. */
  kept(line: BatchLine): BatchLine | undefined {
    const since = this.#since;
    if (since === undefined) return line;
    const isKept = ({ time }: { time?: number | undefined }) =>
      time === undefined ? (RawFileName.ofKey(line.file)?.date ?? this.#date) >= this.#date : time >= since;
    const rows = line.rows.filter(isKept);
    const refusals = line.refusals.filter(isKept);
    const rejection = line.rejection && isKept(line.rejection) ? line.rejection : undefined;
    const had = line.rows.length + line.refusals.length + (line.rejection === undefined ? 0 : 1);
    const has = rows.length + refusals.length + (rejection === undefined ? 0 : 1);
    if (has === 0 && had > 0) {
      this.count++;
      return undefined;
    }
    return has === had ? line : { ...line, rows, refusals, rejection };
  }
}
