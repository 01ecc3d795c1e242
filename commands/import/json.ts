import { FileFlaw, RowBuilder, type Rows, type Selection } from './rows.ts';

const [LF, QUOTE, BACKSLASH, COMMA] = [0x0a, 0x22, 0x5c, 0x2c];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];
/** No item is longer. */
const MOST_ITEM_BYTES = 1024 * 1024;

/**
 * Reads JSON Lines: an object a line. A line that is not one is a row that cannot be used.
 * @throws {FileFlaw} where the first object lacks a column.
 */
export async function* readJsonLines(
  chunks: AsyncIterable<Buffer>,
  selection: Selection,
): AsyncGenerator<Rows> {
  const objects = new Objects(selection);
  let line = 0;
  let rest: Buffer = Buffer.alloc(0);
  const read = (bytes: Buffer) => {
    const rows = objects.begin();
    for (const text of bytes.toString('utf8').replace(/\n$/, '').split('\n')) objects.add(text, ++line, rows);
    return rows;
  };
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(LF) + 1;
    rest = bytes.subarray(end);
    if (rest.length > MOST_ITEM_BYTES)
      throw new FileFlaw(line + 1, `is longer than ${MOST_ITEM_BYTES} bytes`);
    if (end > 0) yield read(bytes.subarray(0, end));
  }
  if (rest.length > 0) yield read(rest);
}

/**
 * Reads a JSON array of objects, of any length, in constant memory.
 * @throws {FileFlaw} where it is not JSON, or the first object lacks a column.
 */
export async function* readJsonArray(
  chunks: AsyncIterable<Buffer>,
  selection: Selection,
): AsyncGenerator<Rows> {
  const objects = new Objects(selection);
  const scanner = new ArrayScanner();
  for await (const chunk of chunks) {
    const rows = objects.begin();
    for (const { text, line } of scanner.items(chunk)) {
      if (!objects.add(text, line, rows)) throw new FileFlaw(line, 'is not JSON');
    }
    yield rows;
  }
  scanner.end();
}

/** Picks the wanted values out of objects. */
class Objects {
  readonly #selection: Selection;
  /** Names of the wanted values, as the first object spells them. */
  #names: string[] | undefined;

  constructor(selection: Selection) {
    this.#selection = selection;
  }

  begin(): RowBuilder {
    return new RowBuilder(this.#selection.wanted.length);
  }

  /** @returns whether the text is JSON. */
  add(text: string, line: number, rows: RowBuilder): boolean {
    if (text.trim() === '') return true;
    let object: Record<string, unknown>;
    try {
      object = JSON.parse(text);
    } catch {
      rows.addProblem(line, 'is not JSON');
      return false;
    }
    if (typeof object !== 'object' || object === null || Array.isArray(object)) {
      rows.addProblem(line, 'is not a JSON object');
      return true;
    }
    this.#names ??= this.#namesIn(object, line);
    const names = this.#names.every(name => name in object) ? this.#names : this.#otherNamesIn(object);
    for (let slot = 0; slot < names.length; slot++) rows.cells[slot]!.push(object[names[slot]!]);
    rows.lines.push(line);
    return true;
  }

  #namesIn(object: object, line: number): string[] {
    const keys = Object.keys(object);
    return this.#selection.placesIn(keys, line).map(place => keys[place]!);
  }

  /** What an object calls the values that it has not under the names of the first one; else these: they are missing. */
  #otherNamesIn(object: object): string[] {
    try {
      return this.#namesIn(object, 0);
    } catch {
      return this.#names!;
    }
  }
}

/** Cuts the text of an array into that of its items. */
class ArrayScanner {
  /** Bytes of an item that has begun. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  #depth = 0;
  #isText = false;
  #isEscaped = false;
  #isOver = false;
  #line = 1;
  /** Of the item that has begun. */
  #itemLine = 1;

  *items(chunk: Buffer): Generator<{ text: string; line: number }> {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (byte === LF) this.#line++;
      if (this.#isText) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) this.#isText = false;
        continue;
      }
      if (byte <= 0x20) continue;
      if (this.#isOver) throw new FileFlaw(this.#line, 'there is more after the array');
      if (byte === QUOTE) this.#isText = true;
      else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
        if (++this.#depth === 1) from = at + 1;
        else if (this.#depth === 2) this.#itemLine = this.#line;
      } else if (byte === CLOSE_BRACE) this.#depth--;
      else if (byte === CLOSE_BRACKET || (byte === COMMA && this.#depth === 1)) {
        if (byte === CLOSE_BRACKET && --this.#depth > 0) continue;
        yield this.#item(chunk.subarray(from, at));
        from = at + 1;
        this.#isOver = byte === CLOSE_BRACKET;
      }
    }
    this.#keep(chunk.subarray(from));
  }

  /** @throws {FileFlaw} where the array does not end. */
  end(): void {
    if (!this.#isOver) throw new FileFlaw(this.#line, 'the file ends before its array does');
  }

  #keep(bytes: Buffer): void {
    if (this.#isOver || bytes.length === 0) return;
    // A copy: the chunk's memory may be used again.
    this.#rest.push(Buffer.from(bytes));
    this.#restBytes += bytes.length;
    if (this.#restBytes > MOST_ITEM_BYTES)
      throw new FileFlaw(this.#itemLine, `is longer than ${MOST_ITEM_BYTES} bytes`);
  }

  #item(bytes: Buffer): { text: string; line: number } {
    const text = Buffer.concat([...this.#rest, bytes]).toString('utf8');
    this.#rest = [];
    this.#restBytes = 0;
    return { text, line: this.#itemLine };
  }
}
