import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Problem } from '../../../base/http/problem.ts';
import { content, errorAnswers, errorBody, unchanged } from '../../../base/http/schemas.ts';
import type { Reads } from '../reads.ts';
import { dayQuality, sensorParams } from '../schemas.ts';
import { readDate } from '../times.ts';
import { demandSensor } from './sensors.ts';

const DAYS = `
  SELECT coalesce(json_agg(item ORDER BY date), '[]')::text AS items FROM (
    SELECT sensor_id, (bucket AT TIME ZONE 'UTC')::date AS date, expected, received, valid, out_of_range, unknown, rejected,
      duplicates, conflicts, late, stuck, jumps, score, verdict
    FROM gold.data_quality_daily
    WHERE sensor_id = $1 AND bucket >= $2::date::timestamp AT TIME ZONE 'UTC' AND bucket <= $3::date::timestamp AT TIME ZONE 'UTC'
    ORDER BY bucket LIMIT 1000
  ) item`;

/** What a sensor's scores are made of. */
export function sensorQualityRoute(reads: Reads): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/api/v1/sensors/:id/quality', {
      schema: {
        tags: ['read'],
        summary: 'Quality of the data of a sensor, by UTC day, oldest first; at most 1000 days',
        params: sensorParams,
        querystring: z.object({
          from: z.string().describe('The first day, such as 2025-11-01.'),
          to: z.string().describe('The last day.'),
        }),
        response: {
          ...errorAnswers,
          ...unchanged,
          404: errorBody.meta({ description: 'There is no such sensor; the nearest ids are named.' }),
          200: content('Quality.', { 'application/json': z.array(dayQuality) }) as never,
        },
      },
      handler: async ({ params, query }, reply) => {
        const [from, to] = [readDate('from', query.from), readDate('to', query.to)];
        if (from > to) throw new Problem(400, `query from: ${from} is after to, ${to}.`);
        await demandSensor(reads, params.id);
        const [row] = await reads.query<{ items: string }>('sensor_quality', DAYS, [params.id, from, to]);
        return reply.type('application/json').send(row!.items);
      },
    });
    done();
  };
}
