import { isUtf8 } from 'node:buffer';
import type { Rejection } from '../payload/reading.ts';

const LF = 0x0a;
const CR = 0x0d;

/** Of a message that is not a reading, this much is kept; more could be used to fill the disk. */
const MAX_KEPT_BYTES = 1024 * 1024;

/**
 * The payload as a line of a raw file, without its line end: byte for byte, unless it holds line breaks. In JSON those
 * can stand between tokens only, so a space says the same.
 */
export function rawLine(payload: Buffer): Buffer {
  if (!payload.includes(LF) && !payload.includes(CR)) return payload;
  return Buffer.from(payload.map(byte => (byte === LF || byte === CR ? 0x20 : byte)));
}

/**
 * The line of a rejected message, without its line end: `received_at`, `topic`, `reason` and what arrived.
 * @param payloadBytes length of the payload as it was sent, where `payload` is only its beginning.
 */
export function rejectedLine(
  topic: string,
  payload: Buffer,
  reason: Rejection,
  receivedAt: number,
  payloadBytes = payload.length,
): Buffer {
  const kept = payload.subarray(0, MAX_KEPT_BYTES);
  const what = isUtf8(kept)
    ? { payload: kept.toString('utf8') }
    : { payload_base64: kept.toString('base64') };
  const cut = kept.length < payloadBytes ? { payload_bytes: payloadBytes } : {};
  return Buffer.from(
    JSON.stringify({ received_at: new Date(receivedAt).toISOString(), topic, reason, ...what, ...cut }),
  );
}
