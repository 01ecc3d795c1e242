import { RawFileName } from '../../collector/bronze/raw-file-name.ts';
import type { BatchLine } from '../../collector/silver/batch.ts';

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

  /** Whether a line that was loaded once is to be put back; counts it where not. */
  isKept({ file, row, rejection }: BatchLine): boolean {
    if (this.#since === undefined) return true;
    const time = row?.time ?? rejection?.time;
    const forgotten =
      time === undefined ? (RawFileName.ofKey(file)?.date ?? this.#date) < this.#date : time < this.#since;
    if (forgotten) this.count++;
    return !forgotten;
  }
}
