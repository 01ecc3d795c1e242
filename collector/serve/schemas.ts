import { z } from 'zod';
import { READING_COLUMNS, type ReadingKind } from '../silver/reading-columns.ts';
import { TIME_FORM } from './times.ts';

/*
 * What the API's description says of requests and answers. Requests are checked against it, except bodies with readings:
 * those are checked as MQTT's are. Answers that are streamed, or that PostgreSQL has written as JSON, go out as they are.
 */

export const time = z.string().meta({ format: 'date-time', example: '2022-04-14T12:50:17Z' });
const moment = z.string({ error: `must be ${TIME_FORM}` });
export const from = moment.describe(`From here on: ${TIME_FORM}.`).meta({ example: '2022-04-14' });
export const to = moment
  .describe(`Until the end of this date, or before this time: ${TIME_FORM}.`)
  .meta({ example: '2022-04-15' });

/** A whole number in a query. */
export const count = (most: number, description: string) =>
  z.coerce.number().int().min(1).max(most).describe(description);

export const csv = z
  .enum(['safe', 'plain'])
  .optional()
  .describe(
    'safe: in CSV, text that a spreadsheet would run as a formula has a quotation mark before it. Default: safe for browsers, plain for programs.',
  );

/** Text that PostgreSQL is asked about: it takes no NUL. */
export const askedText = z.string().regex(/^[^\0]*$/, 'must not hold a NUL character');
export const sensorParams = z.object({
  id: askedText.describe('The id that the sensor sends.').meta({ example: 'Sensor 1' }),
});

export const connection = z.object({
  connected: z.boolean(),
  since: z.string().optional(),
  reason: z.string().optional(),
});
export const reasons = z
  .array(z.object({ name: z.string(), message: z.string() }))
  .describe('What is wrong although it records: a fixed word for alerts, and a sentence for people.');

const quality = z.enum(['valid', 'out_of_range', 'unknown_sensor']);
const kinds = { time, text: z.string(), number: z.number(), quality, flag: z.boolean() } satisfies Record<
  ReadingKind,
  z.ZodType
>;
export const storedReading = z.object(
  Object.fromEntries(READING_COLUMNS.map(({ name, kind }) => [name, kinds[kind]])),
);

export const mean = z.object({
  bucket: time.describe('Where the minute, hour or day begins.'),
  sensor_id: z.string(),
  val_mean: z.number(),
  val_min: z.number(),
  val_max: z.number(),
  n: z.number().int(),
});

const nullable = z.number().nullable();
export const sensor = z.object({
  sensor_id: z.string(),
  registered: z.boolean(),
  quantity: z.string().nullable(),
  unit: z.string().nullable(),
  location: z.string().nullable(),
  min_value: nullable,
  max_value: nullable,
  expected_interval_s: nullable,
  max_step_per_s: nullable,
  max_stuck_s: nullable,
  attributes: z.record(z.string(), z.unknown()).nullable(),
  latest: z
    .object({ time, value: z.number(), quality })
    .nullable()
    .describe('The newest reading; null: it has never sent one.'),
});

const whole = z.number().int();
export const dayQuality = z.object({
  sensor_id: z.string(),
  date: z.iso.date(),
  expected: nullable,
  received: whole,
  valid: whole,
  out_of_range: whole,
  unknown: whole,
  rejected: whole,
  duplicates: whole,
  conflicts: whole,
  late: whole,
  stuck: whole,
  jumps: whole,
  score: nullable,
  verdict: z.enum(['good', 'warning', 'critical']).nullable(),
});
