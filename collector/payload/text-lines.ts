import { isUtf8 } from 'node:buffer';
import { formatTime } from '../../base/time.ts';
import type { Rejection } from './reading.ts';

/** A line of a body: what to record of it, or why it is not one. `line` counts from 1. */
export type TextLine = { line: number; payload: Buffer } | { line: number; reason: Rejection };

const LF = 0x0a;
/** No line needs a hundredth of it, and to go through one of megabytes would take the thread for too long. */
const MAX_LINE_BYTES = 64 * 1024;
const blank = /\s/;
// None of these tries a character twice: a line of a million digits or spaces costs no more than its length.
const firstWord = /^(\S+)\s+/;
const seconds = /^(\d{1,10})(?:\.(\d+))?$/;
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const looseNumber = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Reads lines `<unix seconds> <name> <value>`: what stands between the first and the last word is the name, which may hold
 * spaces. Seconds may have a fraction, cut off beyond the microsecond. Empty lines are left out.
 *
 * What a line becomes is the JSON that a sensor would have sent; whether its name and time will do is asked of that.
 */
export function* readTextLines(body: Buffer): Generator<TextLine> {
  let line = 0;
  for (let start = 0; start < body.length; ) {
    line++;
    const found = body.indexOf(LF, start);
    const end = found < 0 ? body.length : found;
    const message = messageOf(body.subarray(start, end));
    start = end + 1;
    if (message === '') continue;
    yield typeof message === 'string' ? { line, reason: message } : { line, payload: message };
  }
}

/** The message that a line becomes; or the reason why it becomes none, which is empty for an empty line. */
export function messageOf(line: Buffer): Buffer | Rejection {
  if (line.length > MAX_LINE_BYTES) return `longer than ${MAX_LINE_BYTES} bytes`;
  if (!isUtf8(line)) return 'not UTF-8';
  const text = line.toString('utf8').trim();
  if (text === '') return '';
  const [head, when] = firstWord.exec(text) ?? [];
  const what = lastWordOf(text);
  const name = head && text.slice(head.length, -what.length).trim();
  if (!when || !name) return 'not of the form <unix seconds> <name> <value>';
  const [, whole, fraction = ''] = seconds.exec(when) ?? [];
  if (whole === undefined) return 'time is not in seconds since 1970';
  if (!looseNumber.test(what)) return 'value is not a number';
  const number = jsonNumber.test(what) ? what : String(Number(what));
  const time = formatTime(Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0').slice(0, 6)));
  // As MQTT's senders write it: the recorder knows this form by sight.
  const dt = fraction === '' ? time.replace('.000000Z', 'Z') : time;
  return Buffer.from(`{"id": ${JSON.stringify(name)}, "dt": "${dt}", "value": ${number}}`);
}

/** What follows the last blank. @param text ends in a word. */
function lastWordOf(text: string): string {
  let at = text.length - 1;
  while (at >= 0 && !blank.test(text[at]!)) at--;
  return text.slice(at + 1);
}
