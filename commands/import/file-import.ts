import type { LineMaker } from './line-maker.ts';
import { FileFlaw, type Rows } from './rows.ts';

/** A row that was not taken, and why. */
export interface BadRow {
  line: number;
  reason: string;
  cells: unknown[];
}

/** Where the rows of a file go. */
export interface RowSink {
  /** @param line of a plain message. */
  take(line: string): void;
  reject(row: BadRow): void;
}

/** A file that begins with so many rows of which none can be taken is not what it is taken for. */
const MOST_LEADING = 1000;

/**
 * The rows of one file on their way: made lines, or rejected. Bad rows before the first good one are held back: where no
 * good one follows, the file is refused as a whole, and nothing of it is kept.
 */
export class FileImport {
  readonly #maker: LineMaker;
  readonly #sink: RowSink;
  readonly #skip: number;
  #leading: BadRow[] | undefined = [];
  /** Rows so far, those skipped as well. */
  rows = 0;
  taken = 0;
  rejected = 0;

  /** @param skip so many rows were imported before. */
  constructor(maker: LineMaker, sink: RowSink, skip: number) {
    this.#maker = maker;
    this.#sink = sink;
    this.#skip = skip;
    if (skip > 0) this.#leading = undefined;
  }

  /** @throws {FileFlaw} where no row can be taken. */
  add({ cells, lines, problems }: Rows): void {
    const [sensors, times, values] = cells as [unknown[], unknown[], unknown[]];
    for (
      let index = Math.max(0, Math.min(lines.length, this.#skip - this.rows));
      index < lines.length;
      index++
    ) {
      const problem = problems.size > 0 ? problems.get(index) : undefined;
      const made =
        problem === undefined ? this.#maker.make(sensors[index], times[index], values[index]) : { problem };
      if (typeof made === 'string') {
        if (this.#leading !== undefined) this.#letGo(this.#leading);
        this.taken++;
        this.#sink.take(made);
      } else {
        this.#rejectRow({
          line: lines[index]!,
          reason: made.problem,
          cells: cells.map(column => column[index]),
        });
      }
    }
    this.rows += lines.length;
  }

  /** Whether it is known that the file is not refused as a whole. */
  get isDecided(): boolean {
    return this.#leading === undefined;
  }

  /** To be called when the file has been read. @throws {FileFlaw} where it had rows, and none could be taken. */
  end(): void {
    if (this.#leading !== undefined && this.#leading.length > 0) this.#refuse(this.#leading);
  }

  #rejectRow(row: BadRow): void {
    if (this.#leading === undefined) {
      this.rejected++;
      this.#sink.reject(row);
    } else if (this.#leading.push(row) >= MOST_LEADING) this.#refuse(this.#leading);
  }

  #letGo(leading: BadRow[]): void {
    this.#leading = undefined;
    for (const row of leading) this.#rejectRow(row);
  }

  #refuse(leading: BadRow[]): never {
    const { line, reason } = leading[0]!;
    throw new FileFlaw(
      line,
      `${reason}; none of the first ${leading.length} rows can be taken. Are the columns right (--columns)?`,
    );
  }
}
