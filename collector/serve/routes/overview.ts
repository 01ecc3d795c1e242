import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { content, errorAnswers, unchanged } from '../../../base/http/schemas.ts';
import { readingFlags } from '../../silver/reading-columns.ts';
import type { Reads } from '../reads.ts';
import { askedText, count, time } from '../schemas.ts';

const nullable = z.number().nullable();
const overview = z.object({
  total: z.number().int().describe('How many sensors there are.'),
  sensors: z.array(
    z.object({
      sensor_id: z.string(),
      quantity: z.string().nullable(),
      unit: z.string().nullable(),
      location: z.string().nullable(),
      expected_interval_s: nullable,
      time: time.nullable(),
      value: nullable,
      quality: z.string().nullable(),
      ...Object.fromEntries(readingFlags.map(flag => [flag, z.boolean().nullable()])),
      score: nullable.describe("Today's quality, 0 to 100."),
      verdict: z.string().nullable(),
      spark: z
        .array(z.tuple([z.number(), z.number()]))
        .describe('Seconds since 1970 and mean, of the last hour.'),
    }),
  ),
});

const OVERVIEW = `
  SELECT json_build_object(
    'total', (SELECT count(*) FROM (SELECT sensor_id FROM silver.sensor UNION SELECT sensor_id FROM silver.seen_sensor) s),
    'sensors', coalesce(json_agg(json_build_object(
      'sensor_id', k.sensor_id, 'quantity', s.quantity, 'unit', s.unit, 'location', s.location,
      'expected_interval_s', extract(epoch FROM s.expected_interval)::float8,
      'time', to_char(r.time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'value', r.value, 'quality', r.quality,
      ${readingFlags.map(flag => `'${flag}', r.${flag}`)}, 'score', q.score, 'verdict', q.verdict, 'spark', g.spark
    ) ORDER BY k.sensor_id), '[]')
  )::text AS item, count(*)::int AS n, max(k.sensor_id) AS last
  FROM (
    SELECT sensor_id FROM (SELECT sensor_id FROM silver.sensor UNION SELECT sensor_id FROM silver.seen_sensor) known
    WHERE sensor_id > $1 ORDER BY sensor_id LIMIT $2
  ) k
  LEFT JOIN silver.sensor s ON s.sensor_id = k.sensor_id
  LEFT JOIN LATERAL (
    SELECT * FROM silver.sensor_reading WHERE sensor_id = k.sensor_id ORDER BY time DESC LIMIT 1
  ) r ON true
  LEFT JOIN gold.data_quality_daily q ON q.sensor_id = k.sensor_id AND q.bucket = date_trunc('day', now(), 'UTC')
  LEFT JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_array(extract(epoch FROM bucket), val_mean) ORDER BY bucket), '[]') AS spark
    FROM gold.reading_1min_mean
    WHERE sensor_id = k.sensor_id AND bucket > now() - INTERVAL '61 minutes'
  ) g ON true`;

interface Page {
  item: string;
  /** How many sensors it has, and the last one of them. */
  n: number;
  last: string | null;
}

/** What the page shows of each sensor, in one answer. */
export function overviewRoutes(reads: Reads): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/api/v1/overview', {
      schema: {
        tags: ['read'],
        summary: 'Each sensor at a glance: latest reading, quality of today, means of the last hour',
        querystring: z.object({
          limit: count(
            1000,
            'At most this many sensors; default 500. The header Link has the way to the rest.',
          ).default(500),
          after: askedText.max(200).default('').describe('Only sensors behind this one.'),
        }),
        response: {
          ...errorAnswers,
          ...unchanged,
          200: content('The overview.', { 'application/json': overview }) as never,
        },
      },
      handler: async ({ query }, reply) => {
        const [row] = await reads.query<Page>('overview', OVERVIEW, [query.after, query.limit]);
        if (row!.n === query.limit) {
          const next = new URLSearchParams({ limit: `${query.limit}`, after: row!.last! });
          reply.header('link', `<?${next}>; rel="next"`);
        }
        return reply.type('application/json').send(row!.item);
      },
    });
    done();
  };
}
