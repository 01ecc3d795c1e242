import { MAX_PAYLOAD_BYTES } from '../../payload/reading.ts';

const LF = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A reading as it stands in a body, byte for byte. `item` is its place in the array or its line, from 1. */
export interface Item {
  item: number;
  payload: Buffer;
}

const isSpace = (byte: number | undefined) => byte === 0x20 || byte === LF || byte === 0x0d || byte === 0x09;

/** The lines of an NDJSON body; empty ones are left out, and counted. */
export function* ndjsonItems(body: Buffer): Generator<Item> {
  let item = 0;
  for (let start = 0; start < body.length; ) {
    item++;
    const found = body.indexOf(LF, start);
    const end = found < 0 ? body.length : found;
    const payload = trim(body, start, end);
    if (payload.length > 0) yield { item, payload };
    start = end + 1;
  }
}

/**
 * The elements of a JSON array, or the one object that a body is. Cut out rather than parsed and written again: so a raw
 * file has them as they came, and nothing is parsed twice.
 *
 * Where every element is JSON, so was the body: brackets and commas between them are looked at here.
 * @throws {SyntaxError} where they are not as they should be.
 */
export function* jsonItems(body: Buffer): Generator<Item> {
  const text = trim(body, 0, body.length);
  if (text[0] !== OPEN_BRACKET) {
    if (text.length > 0) yield { item: 1, payload: text };
    return;
  }
  let item = 0;
  let at = skipSpace(text, 1);
  if (text[at] === CLOSE_BRACKET) {
    if (at + 1 < text.length) throw new SyntaxError('something stands behind the array');
    return;
  }
  for (;;) {
    const end = endOfElement(text, at);
    const payload = trim(text, at, end);
    if (payload.length === 0) throw new SyntaxError('an element is missing');
    yield { item: ++item, payload };
    if (text[end] === CLOSE_BRACKET) {
      if (end + 1 < text.length) throw new SyntaxError('something stands behind the array');
      return;
    }
    at = skipSpace(text, end + 1);
  }
}

/**
 * Where the comma or the bracket stands that ends the element. Of one that is too long for a reading the end is not looked
 * for: that would take the thread for too long.
 */
function endOfElement(text: Buffer, from: number): number {
  const most = from + MAX_PAYLOAD_BYTES;
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (at > most) throw new SyntaxError(`an element is larger than ${MAX_PAYLOAD_BYTES} bytes`);
    switch (text[at]) {
      case QUOTE:
        at = endOfString(text, at, most);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth++;
        break;
      case CLOSE_BRACE:
        depth--;
        break;
      case CLOSE_BRACKET:
        if (depth === 0) return at;
        depth--;
        break;
      case COMMA:
        if (depth === 0) return at;
        break;
    }
  }
  throw new SyntaxError('the array is not closed');
}

/** Where the quotation mark stands that ends the string; behind `most` nobody looks any more. */
function endOfString(text: Buffer, from: number, most: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (at > most) return at;
    if (text[at] === BACKSLASH) at++;
    else if (text[at] === QUOTE) return at;
  }
  throw new SyntaxError('a string is not closed');
}

function skipSpace(text: Buffer, from: number): number {
  let at = from;
  while (isSpace(text[at])) at++;
  return at;
}

function trim(text: Buffer, from: number, to: number): Buffer {
  const start = skipSpace(text, from);
  let end = to;
  while (end > start && isSpace(text[end - 1])) end--;
  return text.subarray(Math.min(start, end), end);
}
