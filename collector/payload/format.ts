import { z } from 'zod';
import { didYouMean } from '../../base/nearest.ts';
import type { Zone } from '../../base/time.ts';
import type { Decoder } from './decoder.ts';
import type { Feedback } from './feedback.ts';
import type { Filter } from './filter.ts';
import type { Memory } from './memory.ts';

/** A format that the topics file can name: one file in formats/, and one line in formats.ts. */
export interface Format {
  readonly name: string;
  /** The keys that an entry of the format may have, beside those that each entry has. */
  readonly options: z.ZodRawShape;
  /**
   * Makes the decoder of an entry.
   * @param options as `options` has validated them. What a schema cannot tell is reported to `context.report`; the decoder
   * is of no use then, and may be undefined.
   */
  create(options: never, context: EntryContext): Made | undefined;
}

interface Made {
  decoder: Decoder;
  /** Whether each reading has a time that the message names. */
  hasOwnTime: boolean;
  /** Whether messages are recorded as they stand; default: in an envelope. */
  isPlain?: boolean;
}

export interface EntryContext {
  readonly filter: Filter;
  /** Of times that name no offset. */
  readonly zone: Zone;
  /** The same of plain messages, whose lines do not say what entry they came by: SENSOR_TIMEZONE. */
  readonly plainZone: Zone;
  /** Keeps what a format learns when messages are recorded. */
  readonly memory: Memory;
  /** What is noticed while messages are recorded; undefined where they are not. */
  readonly feedback?: Feedback | undefined;
  /** Takes in what is wrong with the entry. @param path of the key: `['values', 'a.b', 'as']`. */
  report(path: readonly (string | number)[], message: string): void;
}

const must = (what: string) => ({ error: `must be ${what}` });

/** What an entry says of its sensors. Texts are templates: `{device}/{path}`. */
export const sensorOptions = {
  sensor: z
    .string(must('a template such as "{device}/{path}"'))
    .optional()
    .describe(
      'Id of the sensor: {name} of a wildcard, {path}, {topic}, {payload.a.b}; default: {topic} and {path}.',
    ),
  unit: z.string(must('text')).optional().describe('Unit of the values, for the registry.'),
  quantity: z.string(must('text')).optional().describe('What is measured, for the registry.'),
  location: z.string(must('text')).optional().describe('Where the sensor is, for the registry.'),
  name: z.string(must('text')).optional().describe('What people call the sensor, for the registry.'),
};

export type SensorOptions = z.output<z.ZodObject<typeof sensorOptions>>;

const map = z
  .record(
    z.string(),
    z.number(must('a number')),
    must('a map from what is sent to a number, such as {ON: 1, OFF: 0}'),
  )
  .optional()
  .describe('Numbers for texts and states: {ON: 1, OFF: 0, true: 1, false: 0}.');

/** How what is sent becomes a number. */
export const valueOptions = {
  scale: z.number(must('a number')).optional().describe('What the number is multiplied by.'),
  offset: z.number(must('a number')).optional().describe('What is then added.'),
  map,
};

export type ValueOptions = z.output<z.ZodObject<typeof valueOptions>>;

/** A key with a few values: `unit must be auto, iso or s, not "sec"`. */
export function oneOf<const T extends readonly string[]>(names: T) {
  const list = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  return z.enum(names, {
    error: ({ input }) =>
      `must be ${list}, not ${JSON.stringify(input)}${typeof input === 'string' ? didYouMean(input, names) : ''}`,
  });
}

/** A key that is true or left out. */
export const flag = (what: string) => z.boolean(must('true or false')).optional().describe(what);
