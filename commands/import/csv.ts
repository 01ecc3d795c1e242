import { isAscii, isUtf8 } from 'node:buffer';
import { type CsvError, parse } from 'csv-parse/sync';
import { FileFlaw, RowBuilder, type Rows, type Selection } from './rows.ts';

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
/** No record is longer: a quote that is never closed must not fill the memory. */
const MOST_RECORD_BYTES = 1024 * 1024;
const DELIMITERS = [',', ';', '\t', '|'];

/**
 * Reads CSV (RFC 4180; also with semicolons, tabs or bars, told by the first line) in UTF-8.
 *
 * Text without quotes is split by hand, at a tenth of the cost of a parser; where a piece holds a quote, csv-parse reads it.
 * @throws {FileFlaw} where columns are missing, a quote is not closed, or the text is not UTF-8.
 */
export async function* readCsv(chunks: AsyncIterable<Buffer>, selection: Selection): AsyncGenerator<Rows> {
  const text = new CsvText(selection);
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = endOfRecords(bytes);
    rest = bytes.subarray(end);
    if (rest.length > MOST_RECORD_BYTES) throw text.tooLong();
    if (end > 0) yield text.read(bytes.subarray(0, end));
  }
  if (rest.length > 0) yield text.read(rest);
  text.end();
}

/** Where the last record ends that is whole. `bytes` begin with a record. */
function endOfRecords(bytes: Buffer): number {
  if (!bytes.includes(QUOTE)) return bytes.lastIndexOf(LF) + 1;
  let isQuoted = false;
  let end = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === QUOTE) isQuoted = !isQuoted;
    else if (bytes[at] === LF && !isQuoted) end = at + 1;
  }
  return end;
}

/** What has been read of a file. */
class CsvText {
  readonly #selection: Selection;
  /** Of the columns: undefined before the first line is read. */
  #layout: { delimiter: string; width: number; places: number[] } | undefined;
  /** Lines before what comes next. */
  #line = 0;

  constructor(selection: Selection) {
    this.#selection = selection;
  }

  /** Reads whole records. */
  read(bytes: Buffer): Rows {
    if (this.#line === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
      bytes = bytes.subarray(3);
    const text = isAscii(bytes) ? bytes.toString('latin1') : this.#decoded(bytes);
    const rows = new RowBuilder(this.#selection.wanted.length);
    const hasQuotes = text.includes('"');
    const delimiter = this.#layout?.delimiter ?? delimiterOf(text);
    const from = this.#layout === undefined && !hasQuotes ? this.#readHeader(text, delimiter) : 0;
    if (hasQuotes) this.#readQuoted(text, delimiter, rows);
    else this.#readPlain(text, from, rows);
    return rows;
  }

  /** @throws {FileFlaw} where the file held nothing. */
  end(): void {
    if (this.#layout === undefined) throw new FileFlaw(undefined, 'it is empty');
  }

  tooLong(): FileFlaw {
    return new FileFlaw(
      this.#line + 1,
      `a record is longer than ${MOST_RECORD_BYTES} bytes: is a quote not closed?`,
    );
  }

  #decoded(bytes: Buffer): string {
    if (isUtf8(bytes)) return bytes.toString('utf8');
    for (let start = 0, line = this.#line + 1; ; line++) {
      const end = bytes.indexOf(LF, start) + 1 || bytes.length;
      if (!isUtf8(bytes.subarray(start, end))) throw new FileFlaw(line, 'is not UTF-8');
      start = end;
    }
  }

  /** @returns where the rows begin. */
  #readHeader(text: string, delimiter: string): number {
    let at = 0;
    // Empty lines before it.
    for (; text[at] === '\n' || text[at] === '\r'; at++) if (text[at] === '\n') this.#line++;
    if (at >= text.length) return at;
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? text.length : end).replace(/\r$/, '');
    return this.#takeHeader(line.split(delimiter), delimiter, this.#line + 1)
      ? this.#after(end < 0 ? text.length : end + 1)
      : at;
  }

  #after(at: number): number {
    this.#line++;
    return at;
  }

  /** @returns whether these are names, rather than the first row. */
  #takeHeader(fields: string[], delimiter: string, line: number): boolean {
    const { hasHeader } = this.#selection;
    const names = hasHeader ? fields : fields.map((_, index) => String(index + 1));
    const places = this.#selection.placesIn(names, line);
    this.#layout = { delimiter, width: fields.length, places };
    return hasHeader;
  }

  /** Rows without quotes. */
  #readPlain(text: string, from: number, rows: RowBuilder): void {
    if (this.#layout === undefined) return;
    const { delimiter, width, places } = this.#layout;
    const { cells, lines } = rows;
    const slots = Array.from({ length: width }, (_, field) =>
      places.flatMap((place, slot) => (place === field ? [slot] : [])),
    );
    let line = this.#line;
    // Of the delimiter next after `start`: searched once, not again for each short row before it.
    let next = -1;
    for (let at = from; at < text.length; ) {
      line++;
      const lf = text.indexOf('\n', at);
      const after = lf < 0 ? text.length : lf + 1;
      let end = lf < 0 ? text.length : lf;
      if (end > at && text.charCodeAt(end - 1) === CR) end--;
      if (end > at) {
        let field = 0;
        let start = at;
        for (;;) {
          if (next < start) next = text.indexOf(delimiter, start);
          if (next < 0) next = Number.POSITIVE_INFINITY;
          const stop = Math.min(next, end);
          if (field < width) for (const slot of slots[field]!) cells[slot]!.push(text.slice(start, stop));
          field++;
          if (stop === end) break;
          start = stop + 1;
        }
        if (field === width) lines.push(line);
        else {
          for (const column of cells) column.length = lines.length;
          rows.addProblem(line, widthProblem(field, width));
        }
      }
      at = after;
    }
    this.#line = line;
  }

  /** Rows of a piece that holds quotes. */
  #readQuoted(text: string, delimiter: string, rows: RowBuilder): void {
    const before = this.#line;
    const records = withoutStacks(() =>
      parse(text, {
        delimiter,
        info: true,
        skip_empty_lines: true,
        relax_column_count: true,
        skip_records_with_error: true,
        on_skip: error => {
          const { lines, message } = error as CsvError & { lines: number };
          throw new FileFlaw(before + lines, message);
        },
      }),
    ) as unknown as { record: string[]; info: { lines: number } }[];
    for (const { record, info } of records) {
      const line = before + info.lines;
      if (this.#layout === undefined && this.#takeHeader(record, delimiter, line)) continue;
      const { width, places } = this.#layout!;
      if (record.length !== width) rows.addProblem(line, widthProblem(record.length, width));
      else {
        for (const [slot, place] of places.entries()) rows.cells[slot]!.push(record[place]);
        rows.lines.push(line);
      }
    }
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#line++;
  }
}

/** csv-parse makes an error of each row that has too many or too few fields: their stacks cost four fifths of reading a bad file. */
function withoutStacks<T>(parse: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return parse();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function widthProblem(fields: number, width: number): string {
  return `has ${fields} fields; the first line has ${width}`;
}

/** The delimiter that the first line has most of. */
function delimiterOf(text: string): string {
  const end = text.trimStart().indexOf('\n');
  const first = text.trimStart().slice(0, end < 0 ? undefined : end);
  const counts = DELIMITERS.map(delimiter => first.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}
