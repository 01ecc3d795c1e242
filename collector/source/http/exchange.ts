import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Access } from '../../../base/http/access.ts';
import { Problem } from '../../../base/http/problem.ts';
import { errorAnswers, errorBody } from '../../../base/http/schemas.ts';
import type { Reading } from '../../payload/reading.ts';
import { type Answer, Answers } from './idempotency.ts';
import type { Intake } from './intake.ts';
import { mediaTypeOf } from './media-type.ts';

/** How long an answer waits for readings to be stored. */
export const STORED_MS = 5000;

/** Resolves to whether all these readings are in the database, after `ms` at the latest. */
export type UntilStored = (readings: readonly Reading[], ms: number) => Promise<boolean>;

export const ingestHeaders = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('The same request sent again under the same key gets the same answer, and records nothing.'),
});

/** What every way in answers where nothing is taken. */
export const ingestErrors = {
  ...errorAnswers,
  413: errorBody.meta({ description: 'More bytes or readings than a request may bring.' }),
  415: errorBody.meta({ description: 'The body is of another type.' }),
  422: errorBody.meta({ description: 'The Idempotency-Key was used with another request.' }),
};

/** @param by what the route does where the request does not say. */
export const waitQuery = (by: 'recorded' | 'stored') =>
  z.object({
    wait: z
      .enum(['recorded', 'stored'])
      .default(by)
      .describe(
        'recorded: answer when all is on disk. stored: then wait until the database has it too, for 5 s at most; ' +
          '`stored` in the answer says whether it has. Either way nothing that was answered with 2xx is lost.',
      ),
  });

export const stored = z
  .boolean()
  .optional()
  .describe('Only with wait=stored: false where the database is away or behind; it follows.');

/** What each way in is handed. */
export interface RouteParts {
  intake: Intake;
  exchange: Exchange;
  untilStored: UntilStored;
  /** What ids of equipment look like. */
  equipmentId: RegExp;
}

/** Answers requests that bring readings: each once, where it has a key. */
export class Exchange {
  readonly #who: Access;
  readonly #answers = new Answers();

  constructor(who: Access) {
    this.#who = who;
  }

  /** Does the work of a route with the body of a request, and sends its answer. @throws {Problem} 400 where there is no body. */
  async answer(request: FastifyRequest, reply: FastifyReply, work: (body: Buffer) => Promise<Answer>) {
    const body = request.body as Buffer | undefined;
    if (body === undefined || body.length === 0) throw new Problem(400, 'The body is empty.');
    const key = request.headers['idempotency-key'];
    const run = () => work(body);
    const what = `${request.routeOptions.url} ${mediaTypeOf(request)}`;
    const { code, body: answer } = await (typeof key === 'string'
      ? this.#answers.once(this.#who.clientOf(request), key, what, body, run)
      : run());
    return reply.code(code).send(answer as never);
  }
}
