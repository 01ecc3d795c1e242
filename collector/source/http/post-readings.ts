import { isUtf8 } from 'node:buffer';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { breathing } from '../../../base/breathe.ts';
import { Problem, problemBody } from '../../../base/http/problem.ts';
import { content, errorBody } from '../../../base/http/schemas.ts';
import type { Reading, Rejection } from '../../payload/reading.ts';
import { ingestErrors, ingestHeaders, type RouteParts, STORED_MS, stored, waitQuery } from './exchange.ts';
import type { Intake } from './intake.ts';
import { type Item, jsonItems, ndjsonItems } from './json-items.ts';
import { demandMediaType, mediaTypeOf } from './media-type.ts';

const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];

const reading = z.object({
  id: z
    .string()
    .min(1)
    .max(50)
    .describe('The id of the sensor, without control characters.')
    .meta({ example: 'Sensor 1' }),
  dt: z
    .string()
    .describe('When it measured: ISO 8601, kept to the microsecond; without an offset in SENSOR_TIMEZONE.')
    .meta({ example: '2025-11-12T10:15:01.000Z' }),
  value: z.number().meta({ example: 25 }),
});

const counts = z.object({
  received: z.number().int(),
  recorded: z.number().int(),
  rejected: z.number().int(),
  errors: z
    .array(z.object({ item: z.number().int(), reason: z.string() }))
    .describe('What was refused: its place in the array or its line, from 1.'),
});

/** POST /api/v1/readings: one reading, an array, or NDJSON; what can be accepted of it. */
export function postReadings({ intake, exchange, untilStored }: RouteParts): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.post('/api/v1/readings', {
      schema: {
        tags: ['ingest'],
        summary: 'Record readings',
        description:
          'One, an array, or NDJSON. What can be accepted is recorded, the rest is named. Answered when they are on disk.',
        headers: ingestHeaders,
        querystring: waitQuery('recorded'),
        body: content('', {
          'application/json': z.union([reading, z.array(reading).min(1)]),
          'application/x-ndjson': z
            .string()
            .meta({ example: '{"id": "Sensor 1", "dt": "2025-11-12T10:15:01Z", "value": 25}\n' }),
        }) as never,
        response: {
          ...ingestErrors,
          202: counts
            .extend({ stored })
            .meta({ description: 'Recorded; or some of it, and what was refused.' }),
          400: z
            .union([errorBody.extend(counts.partial().shape), errorBody])
            .meta({ description: 'Nothing could be accepted.' }),
        },
      },
      handler: (request, reply) => {
        demandMediaType(
          request,
          ['application/json', ...NDJSON_TYPES],
          'application/json or application/x-ndjson',
        );
        const isNdjson = NDJSON_TYPES.includes(mediaTypeOf(request));
        return exchange.answer(request, reply, async body => {
          const { good, errors } = await judgeItems(intake, body, isNdjson);
          const [recorded, rejected] = [good.length, errors.length];
          if (recorded + rejected === 0) throw new Problem(400, 'The body has no readings.');
          for (const { reason } of errors) intake.reject(reason);
          const told = { received: recorded + rejected, recorded, rejected, errors };
          if (recorded === 0) {
            return { code: 400, body: { ...problemBody(400, 'No reading could be accepted.'), ...told } };
          }
          await intake.record(
            'http:/api/v1/readings',
            good.map(({ payload }) => payload),
          );
          if (request.query.wait === 'recorded') return { code: 202, body: told };
          const readings = good.map(({ reading }) => reading);
          return { code: 202, body: { ...told, stored: await untilStored(readings, STORED_MS) } };
        });
      },
    });
    done();
  };
}

async function judgeItems(intake: Intake, body: Buffer, isNdjson: boolean) {
  if (isNdjson) intake.demandFewLines(body);
  const good: { payload: Buffer; reading: Reading }[] = [];
  const errors: { item: number; reason: Rejection }[] = [];
  for await (const batch of breathing(itemsOf(body, isNdjson))) {
    for (const { item, payload } of batch) {
      const judged = intake.judge(payload);
      // JSON is JSON as a whole or not at all.
      if (judged === 'not JSON' && !isNdjson) throw notJson(`item ${item}`);
      if (typeof judged === 'string') errors.push({ item, reason: judged });
      else good.push({ payload, reading: judged });
      intake.demandFew(good.length + errors.length);
    }
  }
  return { good, errors };
}

function* itemsOf(body: Buffer, isNdjson: boolean): Generator<Item> {
  if (isNdjson) {
    yield* ndjsonItems(body);
    return;
  }
  if (!isUtf8(body)) throw notJson('not UTF-8');
  try {
    yield* jsonItems(body);
  } catch (error) {
    if (error instanceof SyntaxError) throw notJson(error.message);
    throw error;
  }
}

function notJson(why: string): Problem {
  return new Problem(400, `The body is not JSON (${why}); nothing is recorded.`);
}
