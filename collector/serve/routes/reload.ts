import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Problem } from '../../../base/http/problem.ts';
import { errorAnswers, errorBody } from '../../../base/http/schemas.ts';
import { type Reload, ReloadRefusedError } from '../../../base/reload.ts';

const changes = z
  .record(z.string(), z.record(z.string(), z.unknown()))
  .describe('What has changed, by part: `topics`, `sensors`, `tokens`, `settings`; empty where nothing has.');

/** POST /api/v1/reload: what SIGHUP does. */
export function reloadRoute(reload: Reload): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.post('/api/v1/reload', {
      schema: {
        tags: ['watch'],
        summary: 'Read topics file, registry, tokens and log level again',
        description:
          'All of them or, where anything is wrong, none: then everything stays as it was. Recording goes on meanwhile. It takes a body of any kind, and does not look at it.',
        response: {
          ...errorAnswers,
          200: z.object({ changes }).meta({ description: 'The files are in force.' }),
          422: errorBody.meta({ description: 'Nothing was reloaded; `problems` names every mistake.' }),
        },
      },
      handler: async () => {
        try {
          return { changes: await reload.run() } as { changes: z.output<typeof changes> };
        } catch (error) {
          if (!(error instanceof ReloadRefusedError)) throw error;
          const { message, problems } = error;
          throw new Problem(422, message.split('\n', 1)[0]!.replace(/:$/, '.'), { details: { problems } });
        }
      },
    });
    done();
  };
}
