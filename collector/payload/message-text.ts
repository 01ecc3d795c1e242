import { isUtf8 } from 'node:buffer';
import { MAX_PAYLOAD_BYTES, type Rejection } from './reading.ts';

/**
 * A payload that is text: `{ text }`; otherwise the reason why it is not. A byte order mark before it and NULs behind it are
 * left out: some devices send their whole buffer.
 */
export function messageText(payload: Buffer): { text: string } | Rejection {
  if (payload.length > MAX_PAYLOAD_BYTES) return `larger than ${MAX_PAYLOAD_BYTES} bytes`;
  if (!isUtf8(payload)) return 'not UTF-8';
  const from = payload[0] === 0xef && payload[1] === 0xbb && payload[2] === 0xbf ? 3 : 0;
  let to = payload.length;
  while (to > from && payload[to - 1] === 0) to--;
  return { text: payload.toString('utf8', from, to) };
}

/** What JSON says: `{ json }`; otherwise the reason why it is not one. */
export function parseJson(text: string): { json: unknown } | Rejection {
  try {
    return { json: JSON.parse(text) };
  } catch {
    return 'not JSON';
  }
}

/** What a payload says that is JSON: `{ json }`; undefined: it is empty, which clears a retained message; or why it is not one. */
export function messageJson(payload: Buffer): { json: unknown } | undefined | Rejection {
  const message = messageText(payload);
  if (typeof message === 'string') return message;
  return message.text === '' ? undefined : parseJson(message.text);
}
