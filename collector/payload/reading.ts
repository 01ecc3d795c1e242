import type { Micros } from '../../base/time.ts';

/** One reading that a message holds. */
export interface Reading {
  sensorId: string;
  time: Micros;
  /** As sent: whether it can be stored is for the loader to judge (`numberOf`). */
  value: unknown;
  /** Why this part of a message cannot be stored, while others can: `storable` says so. The id may be empty then. */
  problem?: Rejection;
  /** Set where the message names no time and `time` is its arrival: the same message, sent again, has another one. */
  isArrival?: true;
  /** What the topics file or the payload says of the sensor, for the registry. */
  unit?: string;
  quantity?: string;
  location?: string;
  /** What people call the sensor. */
  name?: string;
}

/** Why a message is not a reading. The texts are few and fixed, so that they can be counted. */
export type Rejection = string;

/** Longer payloads are not readings. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;
/** The longest id that a sensor may send itself, in characters. */
export const MAX_SENT_ID = 50;
/** The longest id that the topics file may make. */
export const MAX_MADE_ID = 200;

/** Why a reading is not believed that is dated after its arrival. Where the clock was wrong, it is decided again. */
export const AHEAD: Rejection = 'dt is more than a day ahead';

/** Before it there is no reading: it is of a clock that is not set. */
export const EARLIEST: Micros = Date.UTC(2000, 0, 1) * 1000;
// A double holds microseconds exactly until 2255, and every stray century would be a chunk of its own.
const LATEST: Micros = Date.UTC(2200, 0, 1) * 1000;
const DAY: Micros = 86_400_000_000;
const CLOCK_IS_SET: Micros = Date.UTC(2025, 0, 1) * 1000;

const controlCharacter = /\p{Cc}/u;

/** What is wrong with a sensor's id; undefined where nothing is. @param most characters that it may have. */
export function idProblem(id: string, most: number): Rejection | undefined {
  // Up to `most` UTF-16 units are at most as many characters; only longer ids need counting.
  if (id.length === 0 || (id.length > most && [...id].length > most)) {
    return `id is not 1 to ${most} characters long`;
  }
  if (controlCharacter.test(id)) return 'id holds a control character';
  if (!id.isWellFormed()) return 'id holds half a surrogate pair';
  return undefined;
}

/**
 * What is wrong with a reading's time; undefined where nothing is.
 * @param arrival when the message came: a reading from more than a day after it is not believed. `UNKNOWN_ARRIVAL` believes all.
 */
export function timeProblem(time: Micros, arrival: Micros): Rejection | undefined {
  if (time < EARLIEST) return 'dt is before 2000';
  if (time >= LATEST) return 'dt is after 2199';
  // A clock from before Sluice was written is not set yet: it cannot judge anybody.
  if (time > arrival + DAY && arrival > CLOCK_IS_SET) return AHEAD;
  return undefined;
}

/** The value, if it can be stored as a double; otherwise the reason why not. */
export function numberOf(value: unknown): number | Rejection {
  if (value === undefined) return 'value is missing';
  if (typeof value !== 'number') return 'value is not a number';
  if (!Number.isFinite(value)) return 'value is not a finite number';
  return value;
}

/** The value of a reading, if it can be stored; otherwise the reason why not. */
export function storable({ problem, value }: Reading): number | Rejection {
  return problem ?? numberOf(value);
}

const weekDate = /^\d{4}-?W\d\d/;
const ordinalDate = /^\d{4}-?\d{3}(?!\d|-)/;

/** Why a text is not an ISO 8601 date and time. @param what it is called: `dt`. */
export function isoProblem(what: string, text: string): Rejection {
  if (weekDate.test(text)) return `${what} is a week date, which is not taken`;
  if (ordinalDate.test(text)) return `${what} is an ordinal date, which is not taken`;
  return `${what} is not an ISO 8601 date and time`;
}
