import { isUtf8 } from 'node:buffer';
import { formatTime } from '../../base/time.ts';

/** A line of a body: what to record of it, or why it is none. `line` counts from 1. */
export type TextLine = { line: number; payload: Buffer } | { line: number; reason: string };

const LF = 0x0a;
const form = /^(\S+)\s+(\S.*?)\s+(\S+)$/;
const seconds = /^(\d{1,10})(?:\.(\d+))?$/;
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const looseNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Reads lines `<unix seconds> <name> <value>`: what stands between the first and the last word is the name, which may hold
 * spaces. Seconds may have a fraction, cut off beyond the microsecond. Empty lines are left out.
 *
 * What a line becomes is the JSON that a sensor would have sent; whether its name and time will do is asked of that.
 */
export function* readTextLines(body: Buffer): Generator<TextLine> {
  const allText = isUtf8(body);
  let line = 0;
  for (let start = 0; start < body.length; ) {
    line++;
    const found = body.indexOf(LF, start);
    const end = found < 0 ? body.length : found;
    const bytes = body.subarray(start, end);
    start = end + 1;
    if (!allText && !isUtf8(bytes)) {
      yield { line, reason: 'not UTF-8' };
      continue;
    }
    const text = bytes.toString('utf8').trim();
    if (text !== '') yield { line, ...readText(text) };
  }
}

function readText(text: string): { payload: Buffer } | { reason: string } {
  const [, when, name, what] = form.exec(text) ?? [];
  if (when === undefined || name === undefined || what === undefined) {
    return { reason: 'not of the form <unix seconds> <name> <value>' };
  }
  const [, whole, fraction = ''] = seconds.exec(when) ?? [];
  if (whole === undefined) return { reason: 'time is not in seconds since 1970' };
  if (!looseNumber.test(what)) return { reason: 'value is not a number' };
  const number = jsonNumber.test(what) ? what : String(Number(what));
  const time = formatTime(Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0').slice(0, 6)));
  // As MQTT's senders write it: the recorder knows this form by sight.
  const dt = fraction === '' ? time.replace('.000000Z', 'Z') : time;
  return { payload: Buffer.from(`{"id": ${JSON.stringify(name)}, "dt": "${dt}", "value": ${number}}`) };
}
