import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Problem } from '../../../base/http/problem.ts';
import { content, errorAnswers } from '../../../base/http/schemas.ts';
import { formatTime } from '../../../base/time.ts';
import { readSeries } from '../history.ts';
import { LEVELS } from '../levels.ts';
import type { Reads } from '../reads.ts';
import { askedText, count, from, time, to } from '../schemas.ts';
import { readRange } from '../times.ts';

const MOST_SENSORS = 10;
const nullable = z.number().nullable();
const ms = z.number().describe('Milliseconds since 1970.');

const history = z.object({
  from: time,
  to: time,
  series: z.array(
    z.object({
      sensor_id: z.string(),
      quantity: z.string().nullable(),
      unit: z.string().nullable(),
      min_value: nullable.describe('The registered range.'),
      max_value: nullable,
      expected_interval_s: nullable,
      source: z
        .enum(['reading', ...(Object.keys(LEVELS) as [keyof typeof LEVELS])])
        .describe('What points are made of: readings, or means of minutes, hours or days.'),
      step_s: z.number().describe('What a point stands for, in seconds; 0: one reading.'),
      points: z
        .array(z.tuple([ms, z.number(), z.number(), z.number(), z.number().int()]))
        .describe('Of valid readings: when (the beginning of the step), mean, least, greatest, how many.'),
      marks: z
        .array(z.tuple([ms, nullable, z.number().int(), z.string().nullable()]))
        .describe(
          'What is not valid, the newest 1000: when, value, how many, quality. Of means only when and how many.',
        ),
    }),
  ),
});

const SENSORS = `
  SELECT sensor_id, quantity, unit, min_value, max_value, extract(epoch FROM expected_interval)::float8 AS expected_interval_s
  FROM silver.sensor WHERE sensor_id = ANY ($1)`;

/** What a chart shows: up to ten sensors, any range of time, no more points than it has room for. */
export function historyRoute(reads: Reads): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/api/v1/history', {
      schema: {
        tags: ['read'],
        summary: 'History of some sensors for a chart, in the resolution that fits',
        description:
          'Of any range of time no more than `points` points of each sensor: readings where they are few, else means with the least and the greatest value.',
        querystring: z.object({
          sensor: z
            .union([askedText.max(200), z.array(askedText.max(200)).min(1).max(MOST_SENSORS)])
            .transform(ids => [...new Set([ids].flat())])
            .describe(`The id of a sensor; up to ${MOST_SENSORS} of them, each as a parameter of its own.`),
          from,
          to,
          points: count(3000, 'At most this many of each sensor; default 1000.').default(1000),
        }),
        response: {
          ...errorAnswers,
          200: content('The history.', { 'application/json': history }) as never,
        },
      },
      handler: async ({ query }, reply) => {
        const range = readRange(query.from, query.to);
        if (range.from === range.to) throw new Problem(400, 'query from: must be before to.');
        const registered = await reads.query<{ sensor_id: string }>('history_sensors', SENSORS, [
          query.sensor,
        ]);
        const known = new Map(registered.map(row => [row.sensor_id, row]));
        const series: string[] = [];
        for (const id of query.sensor) {
          const { resolution, points, marks } = await readSeries(
            reads,
            id,
            range,
            query.points,
            query.sensor.length,
          );
          const about = { ...UNREGISTERED, ...known.get(id), sensor_id: id };
          const head = JSON.stringify({ ...about, source: resolution.source, step_s: resolution.step });
          // Put together as text: PostgreSQL has written the points as JSON already.
          series.push(`${head.slice(0, -1)},"points":${points},"marks":${marks}}`);
        }
        const bounds = `"from":"${formatTime(range.from)}","to":"${formatTime(range.to)}"`;
        return reply.type('application/json').send(`{${bounds},"series":[${series.join(',\n')}]}\n`);
      },
    });
    done();
  };
}

const UNREGISTERED = {
  quantity: null,
  unit: null,
  min_value: null,
  max_value: null,
  expected_interval_s: null,
};
