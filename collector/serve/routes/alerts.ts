import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorAnswers } from '../../../base/http/schemas.ts';
import type { Alert } from '../../outlet/alerts/alert.ts';
import { alertView } from '../../outlet/alerts/alert.ts';
import { recentAlerts } from '../../outlet/alerts/database-store.ts';
import type { Reads } from '../reads.ts';
import { time } from '../schemas.ts';

const alert = z.object({
  state: z.enum(['pending', 'firing', 'resolved']),
  rule: z.string(),
  subject: z.string().describe('The sensor, or what of the pipeline.'),
  group: z.string().describe('Alerts of one rule and group are told of together.'),
  severity: z.string(),
  since: time.describe('Since when the rule has held.'),
  fired_at: time.nullable().describe('When it had held for long enough.'),
  resolved_at: time.nullable().describe('When it was over.'),
  value: z.number().nullable().describe('What was measured last.'),
  summary: z.string(),
});

const alerts = z.object({
  alerts: z.array(alert),
  complete: z.boolean().describe('false: the database cannot be asked, and those about sensors are missing.'),
});

/** Alerts that are not over, and those of the last day. @param ofPipeline those that are not in the database. */
export function alertsRoute(reads: Reads, ofPipeline: () => readonly Alert[]): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/api/v1/alerts', {
      schema: {
        tags: ['watch'],
        summary: 'Alerts: those that are not over, and those of the last day',
        description: 'By the rules of ALERTS_FILE (docs/alerts.md). At most 1000 about sensors.',
        response: {
          ...errorAnswers,
          200: alerts.meta({ description: 'Alerts, those about the pipeline first.' }),
        },
      },
      handler: async () => {
        const ofSensors = await recentAlerts(sql => reads.query('alerts', sql)).catch(() => undefined);
        return {
          alerts: [...ofPipeline(), ...(ofSensors ?? [])].map(alertView),
          complete: ofSensors !== undefined,
        };
      },
    });
    done();
  };
}
