import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { ClientBase } from 'pg';
import { z } from 'zod';
import { Problem } from '../../../base/http/problem.ts';
import { content, errorAnswers, errorBody } from '../../../base/http/schemas.ts';
import { formatTime, type Micros, parseTime, zoneOf } from '../../../base/time.ts';
import { inSnapshot } from '../../../db/snapshot.ts';
import { readingColumnNames } from '../../silver/reading-columns.ts';
import { readingBatches } from '../../silver/readings.ts';
import { type CsvOptions, formatRows, isCsvSafe, type RowType, rowTypeFor } from '../formats.ts';
import { LEVELS } from '../levels.ts';
import { type Reads, STREAM_MS } from '../reads.ts';
import { count, csv, from, mean, sensorParams, storedReading, to } from '../schemas.ts';
import { sendStreamed } from '../streamed.ts';
import { textRows } from '../text-rows.ts';
import { type Range, readRange } from '../times.ts';
import { demandSensor } from './sensors.ts';

const MEAN_COLUMNS = Object.keys(mean.shape);
const BATCH_ROWS = 5000;

const range = { from: from.optional(), to: to.optional(), csv };
const errors = {
  ...errorAnswers,
  404: errorBody.meta({ description: 'There is no such sensor; the nearest ids are named.' }),
  406: errorBody.meta({ description: 'Accept names no type that there is.' }),
};
const answer = (description: string, row: z.ZodType) =>
  content(description, {
    'application/x-ndjson': z.string(),
    'application/json': z.array(row),
    'text/csv': z.string(),
  }) as never;

/** What can be long: readings and means of a sensor, streamed as NDJSON, JSON or CSV. */
export function seriesRoutes(reads: Reads): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/api/v1/sensors/:id/readings', {
      schema: {
        tags: ['read'],
        summary: 'Readings of a sensor, oldest first',
        description:
          'NDJSON (default), CSV or a JSON array, by Accept. With `limit` in pages: the header Link has the next.',
        params: sensorParams,
        querystring: z.object({
          ...range,
          limit: count(100_000, 'At most this many. Default: all.').optional(),
          cursor: z.string().max(100).optional().describe('Where the page before ended; from its Link.'),
        }),
        response: { ...errors, 200: answer('Readings.', storedReading) },
      },
      handler: async (request, reply) => {
        const { params, query } = request;
        const type = rowTypeFor(request, 'application/x-ndjson');
        const wanted = pageOf(readRange(query.from, query.to), query.cursor);
        await demandSensor(reads, params.id);
        const end = query.limit && (await endOfPage(reads, params.id, wanted, query.limit));
        if (end) reply.header('link', `<${nextUrl(request, end)}>; rel="next"`);
        const selection = { sensorId: params.id, ...wanted, ...(end && { to: end + 1 }) };
        const batches = reads.stream(client => readingBatches(client, selection, { timeoutMs: STREAM_MS }));
        return sendRows(reply, type, batches, {
          columns: readingColumnNames,
          safe: isCsvSafe(request, query.csv),
        });
      },
    });

    app.get('/api/v1/sensors/:id/means', {
      schema: {
        tags: ['read'],
        summary: 'Means of a sensor by minute, hour or day, oldest first',
        description:
          'Of valid readings; refreshed every minute. A JSON array (default), NDJSON or CSV, by Accept.',
        params: sensorParams,
        querystring: z.object({ ...range, every: z.enum(['1m', '1h', '1d']).default('1m') }),
        response: { ...errors, 200: answer('Means.', mean) },
      },
      handler: async (request, reply) => {
        const { params, query } = request;
        const type = rowTypeFor(request, 'application/json');
        const wanted = readRange(query.from, query.to);
        await demandSensor(reads, params.id);
        const batches = reads.stream(client => meansOf(client, params.id, query.every, wanted));
        return sendRows(reply, type, batches, { columns: MEAN_COLUMNS, safe: isCsvSafe(request, query.csv) });
      },
    });
    done();
  };
}

function sendRows(reply: FastifyReply, type: RowType, batches: AsyncIterable<object[]>, csv: CsvOptions) {
  const rows = batches as AsyncIterable<Record<string, unknown>[]>;
  return sendStreamed(reply.header('vary', 'accept'), type, formatRows(rows, type, csv));
}

async function* meansOf(client: ClientBase, id: string, every: keyof typeof LEVELS, { from, to }: Range) {
  const sql = `
    SELECT to_char(bucket, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), val_mean, val_min, val_max, n FROM ${LEVELS[every].means}
    WHERE sensor_id = $1 AND bucket >= $2::timestamptz AND bucket < $3::timestamptz ORDER BY bucket`;
  const values = [id, formatTime(from), formatTime(to)];
  const read = () => textRows<[bucket: string, ...numbers: string[]]>(client, sql, values, BATCH_ROWS);
  for await (const rows of inSnapshot(client, STREAM_MS, read)) {
    yield rows.map(([bucket, ...numbers]) => {
      const [val_mean, val_min, val_max, n] = numbers.map(Number);
      return { bucket, sensor_id: id, val_mean, val_min, val_max, n };
    });
  }
}

/** A cursor is the time of the last reading that was shown: with the sensor it is the key. */
function pageOf(wanted: Range, cursor: string | undefined): Range {
  if (cursor === undefined) return wanted;
  const after = parseTime(Buffer.from(cursor, 'base64url').toString('latin1'), zoneOf('UTC'));
  if (after === undefined || cursorOf(after) !== cursor) {
    throw new Problem(400, 'query cursor: must be one that the header Link of the page before has named.');
  }
  return { from: Math.max(wanted.from, after + 1), to: wanted.to };
}

const cursorOf = (time: Micros) => Buffer.from(formatTime(time), 'latin1').toString('base64url');

/** Time of the last reading of a full page; undefined where the page is the last. */
async function endOfPage(
  reads: Reads,
  id: string,
  { from, to }: Range,
  limit: number,
): Promise<Micros | undefined> {
  const rows = await reads.query<{ time: string }>(
    'newest',
    `SELECT to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time FROM silver.sensor_reading
     WHERE sensor_id = $1 AND time >= $2 AND time < $3 ORDER BY sensor_reading.time OFFSET $4 LIMIT 2`,
    [id, formatTime(from), formatTime(to), limit - 1],
  );
  return rows[1] && parseTime(rows[0]!.time, zoneOf('UTC'));
}

/** Relative to the request: so it holds behind a proxy's prefix, and whatever the sensor is called. */
function nextUrl(request: FastifyRequest, end: Micros): string {
  const [, query] = request.url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursorOf(end));
  return `?${parameters}`;
}
