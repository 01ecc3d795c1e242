import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type FastifyPluginCallbackZod, validatorCompiler } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Access } from '../../../base/http/access.ts';
import { Problem, problemBody } from '../../../base/http/problem.ts';
import { content, errorAnswers, errorBody } from '../../../base/http/schemas.ts';
import type { Rejection } from '../../payload/message.ts';
import { readTextLines } from '../../payload/text-lines.ts';
import { Bodies } from './body.ts';
import { type Answer, Answers } from './idempotency.ts';
import type { Intake } from './intake.ts';
import { type Item, jsonItems, ndjsonItems } from './json-items.ts';

/** What curl -d and programs without an opinion send counts as text. */
const TEXT_TYPES = ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream', ''];
const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];
const SPOILT = 'in a body with bad lines';

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

const lines = z
  .string()
  .describe('Lines `<unix seconds> <name> <value>`; the name is the id of a sensor and may hold spaces.')
  .meta({ example: '1649941817 Voltage 1.34\n1649941818 Current 12.0\n' });
const spoilt = z.object({
  success: z.literal(false),
  errors: z.array(z.object({ line: z.number().int(), reason: z.string() })),
});
const counts = z.object({
  received: z.number().int(),
  recorded: z.number().int(),
  rejected: z.number().int(),
  errors: z
    .array(z.object({ item: z.number().int(), reason: z.string() }))
    .describe('What was refused: its place in the array or its line, from 1.'),
});
const headers = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('The same request sent again under the same key gets the same answer, and records nothing.'),
});
const ingestErrors = {
  ...errorAnswers,
  413: errorBody.meta({ description: 'More bytes or readings than a request may bring.' }),
  415: errorBody.meta({ description: 'The body is of another type.' }),
  422: errorBody.meta({ description: 'The Idempotency-Key was used with another request.' }),
};

/** The ways in. Answered when what came is on disk; where it cannot be, with 503 and never with 2xx. */
export function ingestRoutes(intake: Intake, who: Access, maxBodyBytes: number): FastifyPluginCallbackZod {
  const bodies = new Bodies(maxBodyBytes);
  const answers = new Answers();

  const answer = async (
    request: FastifyRequest,
    reply: FastifyReply,
    work: (body: Buffer) => Promise<Answer>,
  ) => {
    const body = request.body as Buffer | undefined;
    if (body === undefined || body.length === 0) throw new Problem(400, 'The body is empty.');
    const key = request.headers['idempotency-key'];
    const run = () => work(body);
    const what = `${request.routeOptions.url} ${typeOf(request)}`;
    const { code, body: answer } = await (typeof key === 'string'
      ? answers.once(who.clientOf(request), key, what, body, run)
      : run());
    return reply.code(code).send(answer as never);
  };

  return (app, _options, done) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
      bodies.read(payload, request.headers['content-length']),
    );
    // Before the body is read: it would be for nothing.
    app.addHook('preParsing', async request => {
      intake.demandRoom();
      const encoding = request.headers['content-encoding'];
      if (encoding !== undefined && encoding !== 'identity') {
        throw new Problem(415, `A body must not be encoded, and this one is: ${JSON.stringify(encoding)}.`);
      }
    });
    // Bodies are judged as MQTT's payloads are, not by their schemas.
    app.setValidatorCompiler<z.ZodType>(route =>
      route.httpPart === 'body' ? value => ({ value }) : validatorCompiler(route),
    );

    app.post('/data', {
      schema: {
        tags: ['ingest'],
        summary: 'Record lines of text',
        description: 'All of them or, where a line is bad, none. Answered when they are on disk.',
        headers,
        body: content('', { 'text/plain': lines }) as never,
        response: {
          ...ingestErrors,
          200: z.object({ success: z.literal(true) }).meta({ description: 'All of it is on disk.' }),
          400: z
            .union([spoilt, errorBody])
            .meta({ description: 'Lines are bad, and which; nothing is recorded.' }),
        },
      },
      handler: (request, reply) => {
        demandType(request, TEXT_TYPES, 'text/plain');
        return answer(request, reply, body => recordLines(intake, body));
      },
    });

    app.post('/api/v1/readings', {
      schema: {
        tags: ['ingest'],
        summary: 'Record readings',
        description:
          'One, an array, or NDJSON. What can be accepted is recorded, the rest is named. Answered when they are on disk.',
        headers,
        body: content('', {
          'application/json': z.union([reading, z.array(reading).min(1)]),
          'application/x-ndjson': z
            .string()
            .meta({ example: '{"id": "Sensor 1", "dt": "2025-11-12T10:15:01Z", "value": 25}\n' }),
        }) as never,
        response: {
          ...ingestErrors,
          202: counts.meta({ description: 'Recorded; or some of it, and what was refused.' }),
          400: z
            .union([errorBody.extend(counts.partial().shape), errorBody])
            .meta({ description: 'Nothing could be accepted.' }),
        },
      },
      handler: (request, reply) => {
        demandType(
          request,
          ['application/json', ...NDJSON_TYPES],
          'application/json or application/x-ndjson',
        );
        const isNdjson = NDJSON_TYPES.includes(typeOf(request));
        return answer(request, reply, body => recordItems(intake, body, isNdjson));
      },
    });
    done();
  };
}

async function recordLines(intake: Intake, body: Buffer): Promise<Answer> {
  const good: Buffer[] = [];
  const errors: { line: number; reason: Rejection }[] = [];
  for (const read of readTextLines(body)) {
    const reason = 'reason' in read ? read.reason : wordsOfLine(intake.refusalOf(read.payload));
    if (reason !== undefined) errors.push({ line: read.line, reason });
    else if ('payload' in read) good.push(read.payload);
    intake.demandFew(good.length + errors.length);
  }
  if (errors.length > 0) {
    for (const { reason } of errors) intake.reject(reason);
    if (good.length > 0) intake.reject(SPOILT, good.length);
    return { code: 400, body: { success: false, errors } };
  }
  if (good.length === 0) throw new Problem(400, 'The body is empty.');
  await intake.record('http:/data', good);
  return { code: 200, body: { success: true } };
}

/** The same reason in the words of a line, which has no fields of these names. */
function wordsOfLine(reason: Rejection | undefined): Rejection | undefined {
  return reason?.replace(/^id\b/, 'name').replace(/^dt\b/, 'time');
}

async function recordItems(intake: Intake, body: Buffer, isNdjson: boolean): Promise<Answer> {
  const good: Buffer[] = [];
  const errors: { item: number; reason: Rejection }[] = [];
  for (const { item, payload } of itemsOf(body, isNdjson)) {
    const reason = intake.refusalOf(payload);
    // JSON is JSON as a whole or not at all.
    if (reason === 'not JSON' && !isNdjson) throw notJson(`item ${item}`);
    if (reason !== undefined) errors.push({ item, reason });
    else good.push(payload);
    intake.demandFew(good.length + errors.length);
  }
  const received = good.length + errors.length;
  if (received === 0) throw new Problem(400, 'The body has no readings.');
  for (const { reason } of errors) intake.reject(reason);
  const told = { received, recorded: good.length, rejected: errors.length, errors };
  if (good.length === 0)
    return { code: 400, body: { ...problemBody(400, 'No reading could be accepted.'), ...told } };
  await intake.record('http:/api/v1/readings', good);
  return { code: 202, body: told };
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

/** The media type, without its parameters. */
function typeOf({ headers }: FastifyRequest): string {
  return (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}

function demandType(request: FastifyRequest, types: readonly string[], expected: string): void {
  if (types.includes(typeOf(request))) return;
  throw new Problem(415, `The body must be ${expected}, not ${JSON.stringify(typeOf(request))}.`);
}
