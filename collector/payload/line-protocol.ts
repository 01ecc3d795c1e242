/** A point of InfluxDB's line protocol. */
export interface Point {
  measurement: string;
  /** In the order of the line. */
  tags: [key: string, value: string][];
  fields: [key: string, value: number | boolean | string][];
  /** As it is written, in a unit that the line does not tell; undefined: none. */
  time: string | undefined;
}

const [LF, CR, QUOTE, BACKSLASH] = [0x0a, 0x0d, 0x22, 0x5c];
const integer = /^-?\d{1,20}[iu]$/;
const float = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const booleans = new Map([
  ...['t', 'T', 'true', 'True', 'TRUE'].map(text => [text, true] as const),
  ...['f', 'F', 'false', 'False', 'FALSE'].map(text => [text, false] as const),
]);

/**
 * Splits a body into lines: a line break within a text field does not end one. Each is read once, from left to right.
 * Comments and empty lines are left out.
 */
export function splitPoints(text: string): string[] {
  const lines: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at <= text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE && isInFields(text, start, at)) isQuoted = !isQuoted;
    else if (at >= text.length || (code === LF && !isQuoted)) {
      const end = text.charCodeAt(at - 1) === CR ? at - 1 : at;
      // Most of what has no line is empty lines: a message may be nothing else.
      if (end > start) lines.push(text.slice(start, end));
      start = at + 1;
      isQuoted = false;
    }
  }
  return lines.filter(line => !line.startsWith('#') && line.trim() !== '');
}

/** Whether a quotation mark opens or closes a text: behind a = or within one; elsewhere it is a character like others. */
function isInFields(text: string, start: number, at: number): boolean {
  return (
    at > start &&
    (text[at - 1] === '=' ||
      text[at + 1] === ',' ||
      text[at + 1] === ' ' ||
      text[at + 1] === '\n' ||
      text[at + 1] === '\r' ||
      at + 1 === text.length)
  );
}

/** Reads a line: `measurement,tag=value field=1.5,other=2i 1556813561098000000`. @returns why it is not one. */
export function readPoint(line: string): Point | string {
  const reader = new Reader(line);
  const measurement = reader.take(', ');
  if (measurement === '') return 'line protocol without a measurement';
  const tags: [string, string][] = [];
  while (reader.skip(',')) {
    const key = reader.take('=, ');
    if (key === '' || !reader.skip('=')) return 'line protocol with a tag without a value';
    const value = reader.take(', ');
    if (value === '') return 'line protocol with a tag without a value';
    tags.push([key, value]);
  }
  if (!reader.skip(' ')) return 'line protocol without fields';
  reader.skipSpaces();
  const fields: Point['fields'] = [];
  do {
    const key = reader.take('=, ');
    if (key === '' || !reader.skip('=')) return 'line protocol with a field without a value';
    const value = reader.isAt('"') ? reader.takeQuoted() : fieldValue(reader.take(', '));
    if (value === undefined) return 'line protocol with a field that is neither number, boolean nor text';
    fields.push([key, value]);
  } while (reader.skip(','));
  reader.skipSpaces();
  const time = reader.rest.trim();
  if (time !== '' && !/^-?\d{1,20}$/.test(time))
    return 'line protocol with a time that is not a whole number';
  return { measurement, tags, fields, time: time === '' ? undefined : time };
}

function fieldValue(text: string): number | boolean | undefined {
  if (text.length > 400) return undefined;
  if (integer.test(text)) return Number(text.slice(0, -1));
  return float.test(text) ? Number(text) : booleans.get(text);
}

/** Reads a line from left to right. */
class Reader {
  readonly #line: string;
  #at = 0;

  constructor(line: string) {
    this.#line = line.trimStart();
  }

  get rest(): string {
    return this.#line.slice(this.#at);
  }

  isAt(char: string): boolean {
    return this.#line[this.#at] === char;
  }

  skip(char: string): boolean {
    if (!this.isAt(char)) return false;
    this.#at++;
    return true;
  }

  skipSpaces(): void {
    while (this.isAt(' ')) this.#at++;
  }

  /** Up to one of some characters that no backslash stands before. A backslash escapes those, `=`, and itself; elsewhere it stays. */
  take(ends: string): string {
    let taken = '';
    for (; this.#at < this.#line.length; this.#at++) {
      const char = this.#line[this.#at]!;
      const next = this.#line[this.#at + 1];
      if (char === '\\' && next !== undefined && ',= \\'.includes(next)) {
        taken += next;
        this.#at++;
      } else if (ends.includes(char)) break;
      else taken += char;
    }
    return taken;
  }

  /** A text in quotation marks; undefined where it does not end. */
  takeQuoted(): string | undefined {
    let taken = '';
    for (this.#at++; this.#at < this.#line.length; this.#at++) {
      const char = this.#line[this.#at]!;
      const next = this.#line[this.#at + 1];
      if (char === '\\' && (next === '"' || next === '\\')) {
        taken += next;
        this.#at++;
      } else if (char === '"') {
        this.#at++;
        return taken;
      } else taken += char;
    }
    return undefined;
  }
}
