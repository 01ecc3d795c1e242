import type { FastifyReply } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Problem } from '../../../base/http/problem.ts';
import { content, errorAnswers, errorBody, unchanged } from '../../../base/http/schemas.ts';
import { nearestNames } from '../../../base/nearest.ts';
import { READING_COLUMNS } from '../../silver/reading-columns.ts';
import type { Reads } from '../reads.ts';
import { askedText, count, dayQuality, sensor, sensorParams, storedReading } from '../schemas.ts';
import { readDate } from '../times.ts';

/** `2025-11-12T10:15:01.5Z` of a timestamptz, as SQL; the session's zone is UTC. */
const iso = (column: string) => `replace(to_json(${column})#>>'{}', '+00:00', 'Z')`;

const SENSORS = `
  SELECT row_to_json(item)::text AS item, sensor_id FROM (
    SELECT page.sensor_id, s.sensor_id IS NOT NULL AS registered, s.quantity, s.unit, s.location, s.min_value, s.max_value,
      extract(epoch FROM s.expected_interval)::float8 AS expected_interval_s, s.max_step_per_s,
      extract(epoch FROM s.max_stuck)::float8 AS max_stuck_s, s.attributes, row_to_json(r) AS latest
    FROM (
      SELECT sensor_id FROM (SELECT sensor_id FROM silver.sensor UNION SELECT sensor_id FROM silver.seen_sensor) known
      WHERE sensor_id > $1 ORDER BY sensor_id LIMIT $2
    ) page
    LEFT JOIN silver.sensor s ON s.sensor_id = page.sensor_id
    LEFT JOIN LATERAL (
      SELECT ${iso('time')} AS time, value, quality FROM silver.sensor_reading
      WHERE sensor_id = page.sensor_id ORDER BY sensor_reading.time DESC LIMIT 1
    ) r ON true
  ) item ORDER BY sensor_id`;

const latestOf = (sensor: string) => `
    SELECT ${READING_COLUMNS.map(({ name, kind }) => (kind === 'time' ? `${iso(name)} AS ${name}` : name))}
    FROM silver.sensor_reading WHERE sensor_id = ${sensor} ORDER BY sensor_reading.time DESC LIMIT $2`;

const LATEST = `SELECT row_to_json(item)::text AS item FROM (${latestOf('$1')}) item`;

/** The same of each measurement of equipment: of the sensors `EQUIPMENT/measurement`. */
const LATEST_OF_EQUIPMENT = `
  SELECT row_to_json(item)::text AS item
  FROM (
    SELECT sensor_id AS id FROM silver.seen_sensor WHERE starts_with(sensor_id, $1 || '/') ORDER BY sensor_id LIMIT 100
  ) e CROSS JOIN LATERAL (${latestOf('e.id')}) item
  ORDER BY item.sensor_id, item.time DESC`;

const QUALITY = `
  SELECT row_to_json(item)::text AS item, sensor_id FROM (
    SELECT sensor_id, $3::date AS date, CASE WHEN expected IS NOT NULL THEN gold.whole_readings(expected) END AS expected,
      received, valid, out_of_range, unknown, rejected, duplicates, conflicts,
      late, stuck, jumps, score, verdict
    FROM gold.data_quality_daily WHERE bucket = $3::date::timestamp AT TIME ZONE 'UTC' AND sensor_id > $1 ORDER BY sensor_id LIMIT $2
  ) item ORDER BY sensor_id`;

const page = {
  limit: count(10_000, 'At most this many; default 1000. The header Link has the way to the rest.').default(
    1000,
  ),
  after: askedText
    .max(200)
    .default('')
    .describe('Only sensors behind this one, in the order of the database.'),
};
const notFound = {
  404: errorBody.meta({ description: 'There is no such sensor; the nearest ids are named.' }),
};

/** What is small enough for one answer: sensors, their latest readings, their quality. With an ETag each. */
export function sensorRoutes(reads: Reads): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/api/v1/sensors', {
      schema: {
        tags: ['read'],
        summary: 'Sensors: what is registered of them, and their latest reading',
        description: 'All that are registered or have sent something.',
        querystring: z.object(page),
        response: {
          ...errorAnswers,
          ...unchanged,
          200: content('Sensors.', { 'application/json': z.array(sensor) }) as never,
        },
      },
      handler: async ({ query }, reply) => {
        const rows = await reads.query<Item>('sensors', SENSORS, [query.after, query.limit + 1]);
        return sendPage(reply, rows, query.limit, after => `?limit=${query.limit}&after=${after}`);
      },
    });

    app.get('/api/v1/sensors/:id/latest', {
      schema: {
        tags: ['read'],
        summary: 'The latest readings of a sensor, newest first',
        description:
          'Of equipment, whose measurements are the sensors `EQUIPMENT/measurement`, those of each measurement, one after the other.',
        params: sensorParams,
        querystring: z.object({ limit: count(1000, 'At most this many; default 1.').default(1) }),
        response: {
          ...errorAnswers,
          ...notFound,
          ...unchanged,
          200: content('Readings.', { 'application/json': z.array(storedReading) }) as never,
        },
      },
      handler: async ({ params, query }, reply) => {
        const asked = [params.id, query.limit];
        const rows = await reads.query<Item>('latest', LATEST, asked);
        if (rows.length > 0) return sendItems(reply, rows);
        const ofEquipment = await reads.query<Item>('latest_of_equipment', LATEST_OF_EQUIPMENT, asked);
        if (ofEquipment.length === 0) await demandSensor(reads, params.id);
        return sendItems(reply, ofEquipment);
      },
    });

    app.get('/api/v1/quality', {
      schema: {
        tags: ['read'],
        summary: 'Quality of the data of a UTC day, by sensor',
        querystring: z.object({ ...page, date: z.string().optional().describe('Default: today.') }),
        response: {
          ...errorAnswers,
          ...unchanged,
          200: content('Quality.', { 'application/json': z.array(dayQuality) }) as never,
        },
      },
      handler: async ({ query }, reply) => {
        const date = readDate('date', query.date ?? new Date().toISOString().slice(0, 10));
        const rows = await reads.query<Item>('quality', QUALITY, [query.after, query.limit + 1, date]);
        const { limit } = query;
        return sendPage(reply, rows, limit, after => `?date=${date}&limit=${limit}&after=${after}`);
      },
    });
    done();
  };
}

/** An item as PostgreSQL has written it, and what it is sorted by. */
interface Item {
  item: string;
  sensor_id?: string;
}

/** @param rows one more than the limit, where there are more. */
function sendPage(reply: FastifyReply, rows: Item[], limit: number, next: (after: string) => string) {
  const shown = rows.slice(0, limit);
  if (rows.length > limit) {
    reply.header('link', `<${next(encodeURIComponent(shown.at(-1)!.sensor_id!))}>; rel="next"`);
  }
  return sendItems(reply, shown);
}

function sendItems(reply: FastifyReply, rows: Item[]) {
  return reply.type('application/json').send(`[${rows.map(({ item }) => item).join(',\n')}]\n`);
}

/**
 * Makes sure that a sensor is known: registered, or seen.
 * @throws {Problem} 404, with the nearest names.
 */
export async function demandSensor(reads: Reads, id: string): Promise<void> {
  const known = await reads.query(
    'sensor_known',
    `SELECT FROM silver.sensor WHERE sensor_id = $1 UNION ALL SELECT FROM silver.seen_sensor WHERE sensor_id = $1`,
    [id],
  );
  if (known.length > 0) return;
  const all = await reads.query<{ sensor_id: string }>(
    'sensor_names',
    'SELECT sensor_id FROM silver.sensor UNION SELECT sensor_id FROM silver.seen_sensor LIMIT 100000',
  );
  const near = nearestNames(
    id.slice(0, 50),
    all.map(({ sensor_id }) => sensor_id),
  );
  const hint = near.length > 0 ? ` Did you mean ${near.map(name => JSON.stringify(name)).join(', ')}?` : '';
  throw new Problem(404, `There is no sensor ${JSON.stringify(id.slice(0, 50))}.${hint}`, {
    details: { near },
  });
}
