import { z } from 'zod';
import { type Micros, parseTime, type Zone, zoneOf } from '../../base/time.ts';
import { oneOf } from './format.ts';
import { EARLIEST, isoProblem, type Rejection } from './reading.ts';

/** What a time is counted in; `auto` tells ISO 8601 and units of Unix time by their looks. */
const TIME_UNITS = ['auto', 'iso', 's', 'ms', 'us', 'ns'] as const;
export type TimeUnit = (typeof TIME_UNITS)[number];

/** A time zone of the topics file. */
export const zoneOption = z
  .string({ error: 'must be a time zone such as Europe/Berlin' })
  .refine(isZone, 'must be a time zone of the IANA database, such as UTC or Europe/Berlin');

/** Where a message says its time, and how: a path, or more. */
export const timeOption = z
  .union(
    [
      z.string(),
      z.strictObject({
        path: z
          .string({ error: 'must be a path such as a.b' })
          .describe('Path of the time in the message (or in the item of each).'),
        unit: oneOf(TIME_UNITS)
          .optional()
          .describe('ISO 8601, or a unit of Unix time; auto (default) tells by its looks.'),
        zone: zoneOption
          .optional()
          .describe('Time zone of times that name no offset; default: SENSOR_TIMEZONE.'),
        of: oneOf(['item', 'message'])
          .optional()
          .describe('With each: look in the item, then in the message (default); or in the message only.'),
        missing: oneOf(['arrival', 'reject'])
          .optional()
          .describe('What a message without it becomes: a reading at its arrival, or (default) a reason.'),
        unset: oneOf(['arrival', 'reject'])
          .optional()
          .describe(
            'The same of a message whose clock is not set: its time is before 2000, or counted from a start (@0.123s).',
          ),
      }),
    ],
    {
      error: `must be a path, or {path, unit: ${TIME_UNITS.join(' | ')}, zone: Europe/Berlin, of: item | message, missing: arrival | reject, unset: arrival | reject}`,
    },
  )
  .optional()
  .describe(
    'Where the time stands: a path, or { path, unit, zone, of, missing, unset }. Without it a reading has the time of its arrival.',
  );

/** The zone of the IANA database by that name. */
function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Where a message's time stands, as the topics file says. */
export interface TimeRule {
  path: string;
  unit: TimeUnit;
  zone: Zone;
  /** Whether it is looked for in the message only, and not in the item of `each` first. */
  isOfMessage: boolean;
  /** Whether a message without it has the time of its arrival. */
  mayBeMissing: boolean;
  /** The same of a message whose clock is not set. */
  mayBeUnset: boolean;
}

/** @param zone where the option names none. */
export function timeRule(option: z.output<typeof timeOption>, zone: Zone): TimeRule | undefined {
  if (option === undefined) return undefined;
  const written = typeof option === 'string' ? { path: option } : option;
  const { path, unit = 'auto', zone: name, of = 'item', missing, unset } = written;
  return {
    path,
    unit,
    zone: name === undefined ? zone : zoneOf(name),
    isOfMessage: of === 'message',
    mayBeMissing: missing === 'arrival',
    mayBeUnset: unset === 'arrival',
  };
}

const sinceStart = /^@\d+(?:\.\d+)?s$/;
const number = /^-?\d{1,20}(?:\.\d+)?$/;
/**
 * Reads a time: an ISO 8601 text, or Unix time as a number or text.
 * @param arrival decides which instant of a repeated local hour is meant.
 * @returns microseconds, cut off beyond; or the reason why it is not one.
 */
export function readTime(value: unknown, unit: TimeUnit, zone: Zone, arrival: Micros): Micros | Rejection {
  if (typeof value === 'number' && unit !== 'iso') return ofNumber(value, unit);
  if (typeof value !== 'string')
    return unit === 'iso' ? 'time is not a text' : 'time is neither a text nor a number';
  const text = value.trim();
  if (unit === 'iso' || (unit === 'auto' && !number.test(text))) {
    return parseTime(text, zone, Number.isFinite(arrival) ? arrival : undefined) ?? isoProblem('time', text);
  }
  return number.test(text) ? ofText(text, unit) : `time is not a number of ${unit}`;
}

/**
 * Whether a time is that of a clock that is not set: before 2000, or counted from a start as rtl_433 does (`@0.123s`).
 * @param time what `readTime` made of it.
 */
export function isUnset(sent: unknown, time: Micros | Rejection): boolean {
  if (typeof time === 'number') return time < EARLIEST;
  return typeof sent === 'string' && sinceStart.test(sent.trim());
}

function ofNumber(value: number, unit: TimeUnit): Micros | Rejection {
  if (!Number.isFinite(value)) return 'time is not a finite number';
  switch (unit === 'auto' ? unitOf(value) : unit) {
    case 's':
      // A double holds seconds of our time to a quarter of a microsecond.
      return Math.round(value * 1e6);
    case 'ms':
      return Math.round(value * 1e3);
    case 'us':
      return Math.floor(value);
    default:
      return Math.floor(value / 1e3);
  }
}

/** As `ofNumber`, with all the digits that a text has: nanoseconds of our time are more than a double holds. */
function ofText(text: string, unit: TimeUnit): Micros {
  const [whole = '', fraction = ''] = text.split('.');
  const places = { s: 6, ms: 3, us: 0, ns: -3 }[
    unit === 'auto' || unit === 'iso' ? unitOf(Number(whole)) : unit
  ];
  if (places >= 0) return Number(whole + fraction.padEnd(places, '0').slice(0, places));
  return Number(whole.slice(0, places) || '0');
}

/** By its size: from 1973 to 5138 a Unix time in one unit is none in another. */
function unitOf(value: number): 's' | 'ms' | 'us' | 'ns' {
  const size = Math.abs(value);
  if (size < 1e11) return 's';
  if (size < 1e14) return 'ms';
  return size < 1e17 ? 'us' : 'ns';
}
