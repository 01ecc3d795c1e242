import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Access } from '../../base/http/access.ts';
import type { LoaderStatus } from '../silver/protocol.ts';
import type { BrokerStatus } from '../source/mqtt/mqtt-source.ts';

/** What the health checks look at. */
export interface Vitals {
  broker(): BrokerStatus;
  database(): LoaderStatus['database'];
  /** Why nothing can be recorded; undefined when all is well. */
  recording(): Error | undefined;
  pendingBytes(): number;
}

const connection = z.object({
  connected: z.boolean(),
  since: z.string().optional(),
  reason: z.string().optional(),
});
const readiness = z.object({
  status: z.enum(['ready', 'failing']),
  broker: connection.optional(),
  recording: z.object({ ok: z.boolean(), reason: z.string().optional() }).optional(),
  database: connection.optional(),
  pending_bytes: z.number().optional().describe('Bytes that are recorded and not loaded.'),
});

/** /health says that the process lives, /ready whether it records. Open to all; details are for those who may read. */
export function healthRoutes(dataDir: string, vitals: Vitals, who: Access): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/health', {
      exposeHeadRoute: true,
      config: { rateLimit: false },
      schema: {
        tags: ['watch'],
        summary: 'Does the process live?',
        response: { 200: z.object({ status: z.literal('alive') }).meta({ description: 'It does.' }) },
      },
      handler: () => ({ status: 'alive' as const }),
    });
    app.get('/ready', {
      exposeHeadRoute: true,
      config: { rateLimit: false },
      schema: {
        tags: ['watch'],
        summary: 'Does it record?',
        description:
          '503 only where recording itself fails: without a broker or a database a restart would mend nothing. Details are for those who may read.',
        response: {
          200: readiness.meta({ description: 'It does.' }),
          503: readiness.meta({ description: 'It does not, and why.' }),
        },
      },
      handler: async (request, reply) => {
        const ready = await readinessOf(dataDir, vitals);
        const told = who.allows(request, 'read') ? ready : { status: ready.status };
        return reply.code(ready.status === 'ready' ? 200 : 503).send(told);
      },
    });
    done();
  };
}

async function readinessOf(dataDir: string, vitals: Vitals) {
  const failure = vitals.recording() ?? (await folderFailure(dataDir));
  return {
    status: failure === undefined ? ('ready' as const) : ('failing' as const),
    broker: vitals.broker(),
    recording: failure === undefined ? { ok: true } : { ok: false, reason: failure.message },
    database: vitals.database(),
    pending_bytes: vitals.pendingBytes(),
  };
}

async function folderFailure(dataDir: string): Promise<Error | undefined> {
  return access(join(dataDir, 'raw'), constants.W_OK).then(
    () => undefined,
    (error: Error) => error,
  );
}
