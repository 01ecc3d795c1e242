import type { IncomingMessage } from 'node:http';
import type { FastifyPluginCallback, FastifyRequest } from 'fastify';
import { type FastifyPluginCallbackZod, validatorCompiler } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { Access } from '../../../base/http/access.ts';
import { Problem } from '../../../base/http/problem.ts';
import { Bodies } from './body.ts';
import { Exchange, type RouteParts, type UntilStored } from './exchange.ts';
import type { Intake } from './intake.ts';
import { postEquipment } from './post-equipment.ts';
import { postLines } from './post-lines.ts';
import { postReadings } from './post-readings.ts';

/** What a way in is made of. */
export interface IngestParts {
  intake: Intake;
  who: Access;
  maxBodyBytes: number;
  untilStored: UntilStored;
  equipmentId: RegExp;
}

/** The ways in, a file each. */
const ROUTES: ((parts: RouteParts) => FastifyPluginCallbackZod)[] = [postLines, postReadings, postEquipment];

/** The ways in. Answered when what came is on disk; where it cannot be, with 503 and never with 2xx. */
export function ingestRoutes({ who, maxBodyBytes, ...rest }: IngestParts): FastifyPluginCallback {
  const bodies = new Bodies(maxBodyBytes);
  const parts: RouteParts = { ...rest, exchange: new Exchange(who) };
  const { intake } = rest;

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
    for (const route of ROUTES) app.register(route(parts));
    done();
  };
}
