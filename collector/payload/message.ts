import { isUtf8 } from 'node:buffer';
import { type Micros, parseTime, type Zone } from '../../base/time.ts';

/** What a payload says. `value` is as sent: whether it can be stored is for the loader to judge. */
export interface Reading {
  sensorId: string;
  time: Micros;
  value: unknown;
}

/** Why a message is not a reading. The texts are few and fixed, so that they can be counted. */
export type Rejection = string;

/** Longer payloads are not readings. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;

const EARLIEST: Micros = Date.UTC(2000, 0, 1) * 1000;
// A double holds microseconds exactly until 2255, and every stray century would be a chunk of its own.
const LATEST: Micros = Date.UTC(2200, 0, 1) * 1000;
const DAY_MICROS = 86_400_000_000;
const CLOCK_IS_SET = Date.UTC(2025, 0, 1);

const controlCharacter = /\p{Cc}/u;

/**
 * Decodes one JSON payload or one line of a raw file: `{"id": …, "dt": …, "value": …}`.
 *
 * The answer depends on the text and the zone alone, so that a replay decides as the recording did.
 */
export function decodeReading(text: string, zone: Zone): Reading | Rejection {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return 'not JSON';
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return 'not a JSON object';
  const { id, dt, value } = message as { id?: unknown; dt?: unknown; value?: unknown };
  if (id === undefined || id === null) return 'id is missing';
  if (typeof id !== 'string') return 'id is not a string';
  // Up to 50 UTF-16 units are at most 50 characters; only longer ids need counting.
  if (id.length === 0 || (id.length > 50 && [...id].length > 50)) return 'id is not 1 to 50 characters long';
  if (controlCharacter.test(id)) return 'id holds a control character';
  if (!id.isWellFormed()) return 'id holds half a surrogate pair';
  if (dt === undefined || dt === null) return 'dt is missing';
  if (typeof dt !== 'string') return 'dt is not a string';
  const time = parseTime(dt, zone);
  if (time === undefined) return 'dt is not an ISO 8601 date and time';
  if (time < EARLIEST) return 'dt is before 2000';
  if (time >= LATEST) return 'dt is after 2199';
  return { sensorId: id, time, value };
}

/**
 * Decodes a payload as it arrives.
 * @param now the clock, in ms since 1970: a reading from more than a day ahead of it is not believed.
 */
export function decodePayload(payload: Buffer, zone: Zone, now: number): Reading | Rejection {
  if (payload.length > MAX_PAYLOAD_BYTES) return `larger than ${MAX_PAYLOAD_BYTES} bytes`;
  if (!isUtf8(payload)) return 'not UTF-8';
  const reading = decodeReading(payload.toString('utf8'), zone);
  // A clock from before Sluice was written is not set yet: it cannot judge anybody.
  const isAhead = typeof reading !== 'string' && reading.time > now * 1000 + DAY_MICROS;
  if (isAhead && now > CLOCK_IS_SET) return 'dt is more than a day ahead';
  return reading;
}

/** The value, if it can be stored as a double; otherwise the reason why not. */
export function numberOf(value: unknown): number | Rejection {
  if (value === undefined) return 'value is missing';
  if (typeof value !== 'number') return 'value is not a number';
  if (!Number.isFinite(value)) return 'value is not a finite number';
  return value;
}
