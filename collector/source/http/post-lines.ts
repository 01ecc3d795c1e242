import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { breathing } from '../../../base/breathe.ts';
import { Problem } from '../../../base/http/problem.ts';
import { content, errorBody } from '../../../base/http/schemas.ts';
import type { Reading, Rejection } from '../../payload/reading.ts';
import { readTextLines } from '../../payload/text-lines.ts';
import { ingestErrors, ingestHeaders, type RouteParts, STORED_MS, stored, waitQuery } from './exchange.ts';
import type { Answer } from './idempotency.ts';
import type { Intake } from './intake.ts';
import { demandMediaType } from './media-type.ts';

/** What curl -d and programs without an opinion send counts as text. */
const TEXT_TYPES = ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream', ''];
const SPOILT = 'in a body with bad lines';

const lines = z
  .string()
  .describe('Lines `<unix seconds> <name> <value>`; the name is the id of a sensor and may hold spaces.')
  .meta({ example: '1649941817 Voltage 1.34\n1649941818 Current 12.0\n' });
const spoilt = z.object({
  success: z.literal(false),
  errors: z.array(z.object({ line: z.number().int(), reason: z.string() })),
});

/** POST /data: lines of text, all or none. */
export function postLines({ intake, exchange, untilStored }: RouteParts): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.post('/data', {
      schema: {
        tags: ['ingest'],
        summary: 'Record lines of text',
        description:
          'All of them or, where a line is bad, none. Answered when they are on disk, and (unless `wait=recorded`) when GET /data shows them.',
        headers: ingestHeaders,
        querystring: waitQuery('stored'),
        body: content('', { 'text/plain': lines }) as never,
        response: {
          ...ingestErrors,
          200: z.object({ success: z.literal(true), stored }).meta({ description: 'All of it is on disk.' }),
          400: z
            .union([spoilt, errorBody])
            .meta({ description: 'Lines are bad, and which; nothing is recorded.' }),
        },
      },
      handler: (request, reply) => {
        demandMediaType(request, TEXT_TYPES, 'text/plain');
        return exchange.answer(request, reply, async body => {
          const { good, errors } = await judgeLines(intake, body);
          if (errors.length > 0) return refuse(intake, good.length, errors);
          if (good.length === 0) throw new Problem(400, 'The body is empty.');
          await intake.record(
            'http:/data',
            good.map(({ payload }) => payload),
          );
          if (request.query.wait === 'recorded') return { code: 200, body: { success: true } };
          const readings = good.map(({ reading }) => reading);
          return { code: 200, body: { success: true, stored: await untilStored(readings, STORED_MS) } };
        });
      },
    });
    done();
  };
}

interface BadLine {
  line: number;
  reason: Rejection;
}

async function judgeLines(intake: Intake, body: Buffer) {
  intake.demandFewLines(body);
  const good: { payload: Buffer; reading: Reading }[] = [];
  const errors: BadLine[] = [];
  for await (const batch of breathing(readTextLines(body))) {
    for (const read of batch) {
      const judged = 'reason' in read ? read.reason : intake.judge(read.payload);
      if (typeof judged === 'string') errors.push({ line: read.line, reason: wordsOfLine(judged) });
      else if ('payload' in read) good.push({ payload: read.payload, reading: judged });
      intake.demandFew(good.length + errors.length);
    }
  }
  return { good, errors };
}

function refuse(intake: Intake, good: number, errors: BadLine[]): Answer {
  for (const { reason } of errors) intake.reject(reason);
  if (good > 0) intake.reject(SPOILT, good);
  return { code: 400, body: { success: false, errors } };
}

/** The same reason in the words of a line, which has no fields of these names. */
function wordsOfLine(reason: Rejection): Rejection {
  return reason.replace(/^id\b/, 'name').replace(/^dt\b/, 'time');
}
