import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Problem } from '../../../base/http/problem.ts';
import { content, errorAnswers, unchanged } from '../../../base/http/schemas.ts';
import type { Reads } from '../reads.ts';
import { askedText, count } from '../schemas.ts';
import { readDate } from '../times.ts';

const MOST_DAYS = 92;
const DAY_MS = 86_400_000;

const qualityDays = z.object({
  days: z.array(z.iso.date()),
  sensors: z.array(
    z.object({
      sensor_id: z.string(),
      scores: z
        .array(z.number().nullable())
        .describe('0 to 100, in the order of `days`; null: nothing was expected, and nothing came.'),
    }),
  ),
});

const SCORES = `
  SELECT page.sensor_id, coalesce(q.scores, '{}') AS scores, coalesce(q.days, '{}') AS days
  FROM (
    SELECT sensor_id FROM (SELECT sensor_id FROM silver.sensor UNION SELECT sensor_id FROM silver.seen_sensor) known
    WHERE sensor_id > $1 ORDER BY sensor_id LIMIT $2
  ) page
  LEFT JOIN LATERAL (
    SELECT array_agg(score::float8) AS scores, array_agg((bucket AT TIME ZONE 'UTC')::date::text) AS days FROM gold.data_quality_daily
    WHERE sensor_id = page.sensor_id AND bucket >= $3::date::timestamp AT TIME ZONE 'UTC' AND bucket <= $4::date::timestamp AT TIME ZONE 'UTC'
  ) q ON true
  ORDER BY page.sensor_id`;

/** The scores of days, sensor by sensor: what a heat map shows. */
export function qualityDaysRoute(reads: Reads): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/api/v1/quality/days', {
      schema: {
        tags: ['read'],
        summary: 'Quality of some UTC days, sensor by sensor',
        querystring: z.object({
          from: z.string().describe('The first day, such as 2025-11-01.'),
          to: z.string().describe(`The last day; at most ${MOST_DAYS} of them.`),
          limit: count(1000, 'At most this many sensors; default 1000.').default(1000),
          after: askedText.max(200).default('').describe('Only sensors behind this one.'),
        }),
        response: {
          ...errorAnswers,
          ...unchanged,
          200: content('Scores.', { 'application/json': qualityDays }) as never,
        },
      },
      handler: async ({ query }, reply) => {
        const [from, to] = [readDate('from', query.from), readDate('to', query.to)];
        const days = daysBetween(from, to);
        const rows = await reads.query<{ sensor_id: string; scores: (number | null)[]; days: string[] }>(
          'quality_days',
          SCORES,
          [query.after, query.limit + 1, from, to],
        );
        const shown = rows.slice(0, query.limit);
        if (rows.length > query.limit) {
          const next = new URLSearchParams({
            from,
            to,
            limit: `${query.limit}`,
            after: shown.at(-1)!.sensor_id,
          });
          reply.header('link', `<?${next}>; rel="next"`);
        }
        const place = new Map(days.map((day, index) => [day, index]));
        const sensors = shown.map(row => {
          const scores = days.map((): number | null => null);
          for (const [index, day] of row.days.entries()) scores[place.get(day)!] = row.scores[index]!;
          return { sensor_id: row.sensor_id, scores };
        });
        return reply.type('application/json').send(JSON.stringify({ days, sensors }));
      },
    });
    done();
  };
}

function daysBetween(from: string, to: string): string[] {
  const [first, last] = [Date.parse(from), Date.parse(to)];
  if (last < first) throw new Problem(400, `query from: ${from} is after to, ${to}.`);
  const days = (last - first) / DAY_MS + 1;
  if (days > MOST_DAYS)
    throw new Problem(400, `query to: ${MOST_DAYS} days at most may be asked for at once.`);
  return Array.from({ length: days }, (_, day) => new Date(first + day * DAY_MS).toISOString().slice(0, 10));
}
