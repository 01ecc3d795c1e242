import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Health } from '../../../base/health.ts';
import type { Access } from '../../../base/http/access.ts';
import { rawFolder } from '../../bronze/raw-file-name.ts';
import type { LoaderStatus } from '../../silver/protocol.ts';
import type { BrokerStatus } from '../../source/source.ts';
import { connection, reasons } from '../schemas.ts';

/** What the health checks look at. */
export interface Observable {
  broker(): BrokerStatus;
  database(): LoaderStatus['database'];
  /** Why nothing can be recorded; undefined when all is well. */
  recording(): Error | undefined;
  pendingBytes(): number;
}

const readiness = z.object({
  status: z
    .enum(['ok', 'degraded', 'failing'])
    .describe('degraded: it records, and something else is wrong; failing: it does not record.'),
  reasons: reasons.optional(),
  broker: connection.optional(),
  recording: z.object({ ok: z.boolean(), reason: z.string().optional() }).optional(),
  database: connection.optional(),
  pending_bytes: z.number().optional().describe('Bytes that are recorded and not loaded.'),
});

/** /health says that the process lives, /ready whether it records. Open to all; details are for those who may read. */
export function healthRoutes(
  dataDir: string,
  health: Health,
  observable: Observable,
  who: Access,
): FastifyPluginCallbackZod {
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
    for (const path of ['/ready', '/health/ready']) {
      app.get(path, {
        exposeHeadRoute: true,
        config: { rateLimit: false },
        schema: {
          tags: ['watch'],
          summary: 'Does it record?',
          description:
            '503 only where recording itself fails: without a broker or a database a restart would mend nothing. What else is wrong stands in `reasons`. Details are for those who may read.',
          response: {
            200: readiness.meta({ description: 'It does; `status` says whether all else is well.' }),
            503: readiness.meta({ description: 'It does not, and why.' }),
          },
        },
        handler: async (request, reply) => {
          const ready = await readinessOf(dataDir, health, observable);
          const visible = who.allows(request, 'read') ? ready : { status: ready.status };
          return reply.code(ready.status === 'failing' ? 503 : 200).send(visible);
        },
      });
    }
    done();
  };
}

async function readinessOf(dataDir: string, health: Health, observable: Observable) {
  const failure = observable.recording() ?? (await folderFailure(dataDir));
  const reasons = health.reasons();
  const status = reasons.length > 0 ? ('degraded' as const) : ('ok' as const);
  return {
    status: failure === undefined ? status : ('failing' as const),
    reasons,
    broker: observable.broker(),
    recording: failure === undefined ? { ok: true } : { ok: false, reason: failure.message },
    database: observable.database(),
    pending_bytes: observable.pendingBytes(),
  };
}

async function folderFailure(dataDir: string): Promise<Error | undefined> {
  return access(rawFolder(dataDir), constants.W_OK).then(
    () => undefined,
    (error: Error) => error,
  );
}
