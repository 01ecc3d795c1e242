import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Problem, problemBody } from '../../../base/http/problem.ts';
import { content, errorBody } from '../../../base/http/schemas.ts';
import { equipmentMessages } from '../../payload/equipment.ts';
import type { Reading, Rejection } from '../../payload/reading.ts';
import { ingestErrors, ingestHeaders, type RouteParts, STORED_MS, stored, waitQuery } from './exchange.ts';
import type { Answer } from './idempotency.ts';
import type { Intake } from './intake.ts';
import { demandMediaType } from './media-type.ts';

/** A batch is parsed as a whole; a larger one would take the thread for too long. */
const MOST_BYTES = 256 * 1024;
/** Readings that a batch may hold. */
const MOST_READINGS = 100;

const reading = z
  .object({
    equipment_id: z.string().meta({ example: 'PUMP-A1-001' }),
    timestamp: z.string().describe('ISO 8601.').meta({ example: '2025-11-12T10:15:01Z' }),
    measurements: z.record(z.string(), z.number()).meta({ example: { temperature: 72.4, pressure: 3.1 } }),
  })
  .describe('Each measurement becomes a reading of the sensor `EQUIPMENT/measurement`.');
const counts = z.object({
  status: z.literal('accepted'),
  request_id: z.string(),
  received: z.number().int().describe('Measurements.'),
  recorded: z.number().int(),
  rejected: z.number().int(),
  errors: z
    .array(z.object({ item: z.number().int(), reason: z.string() }))
    .describe('What was refused, by the place of its reading, from 1.'),
  stored,
});
const answers = {
  ...ingestErrors,
  202: counts.meta({ description: 'Recorded; or some of it, and what was refused.' }),
  400: z
    .union([errorBody.extend(counts.partial().shape), errorBody])
    .meta({ description: 'Nothing could be accepted.' }),
};

/** Readings of equipment, one or up to a hundred a request: the shape that predecessors of Sluice took. */
export function postEquipment({
  intake,
  exchange,
  untilStored,
  equipmentId,
}: RouteParts): FastifyPluginCallbackZod {
  const record = async (body: Buffer, isBatch: boolean, wait: string, requestId: string): Promise<Answer> => {
    const { good, errors } = judge(intake, readingsOf(body, isBatch), equipmentId);
    const [recorded, rejected] = [good.length, errors.length];
    for (const { reason } of errors) intake.reject(reason);
    const told = { request_id: requestId, received: recorded + rejected, recorded, rejected, errors };
    if (recorded === 0) {
      return { code: 400, body: { ...problemBody(400, 'No measurement could be accepted.'), ...told } };
    }
    await intake.record(
      'http:/api/v1/sensors/ingest',
      good.map(({ payload }) => payload),
    );
    const accepted = { status: 'accepted', ...told };
    if (wait === 'recorded') return { code: 202, body: accepted };
    const readings = good.map(({ reading }) => reading);
    return { code: 202, body: { ...accepted, stored: await untilStored(readings, STORED_MS) } };
  };

  return (app, _options, done) => {
    const batch = z.array(reading).min(1).max(MOST_READINGS);
    for (const [path, summary, schema, isBatch] of [
      ['/api/v1/sensors/ingest', 'Record a reading of equipment', reading, false],
      ['/api/v1/sensors/ingest/batch', 'Record up to 100 readings of equipment', batch, true],
    ] as const) {
      app.post(path, {
        schema: {
          tags: ['ingest'],
          summary,
          description:
            'An id of the form that EQUIPMENT_ID_PATTERN asks for, a time, and measurements by name. What can be accepted is recorded, the rest is named; what is out of the registered range is recorded and marked. Answered when it is on disk.',
          headers: ingestHeaders,
          querystring: waitQuery('recorded'),
          body: content('', { 'application/json': schema }) as never,
          response: answers,
        },
        handler: (request, reply) => {
          demandMediaType(request, ['application/json'], 'application/json');
          return exchange.answer(request, reply, body =>
            record(body, isBatch, request.query.wait, request.id),
          );
        },
      });
    }
    done();
  };
}

function readingsOf(body: Buffer, isBatch: boolean): unknown[] {
  if (body.length > MOST_BYTES) throw new Problem(413, `A batch may have ${MOST_BYTES} bytes at most.`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new Problem(400, `The body is not JSON (${(error as Error).message}); nothing is recorded.`);
  }
  if (!isBatch) return [parsed];
  const { readings = parsed } = (parsed ?? {}) as { readings?: unknown };
  if (!Array.isArray(readings) || readings.length === 0)
    throw new Problem(400, 'The body must be an array of readings.');
  if (readings.length > MOST_READINGS)
    throw new Problem(413, `A batch may hold ${MOST_READINGS} readings at most.`);
  return readings;
}

function judge(intake: Intake, readings: unknown[], equipmentId: RegExp) {
  const good: { payload: Buffer; reading: Reading }[] = [];
  const errors: { item: number; reason: Rejection }[] = [];
  for (const [index, one] of readings.entries()) {
    const messages = equipmentMessages(one, equipmentId);
    for (const message of typeof messages === 'string' ? [messages] : messages) {
      const judged = typeof message === 'string' ? message : intake.judge(message);
      if (typeof judged === 'string') errors.push({ item: index + 1, reason: judged });
      else good.push({ payload: message as Buffer, reading: judged });
      intake.demandFew(good.length + errors.length);
    }
  }
  return { good, errors };
}
