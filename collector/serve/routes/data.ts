import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { ClientBase } from 'pg';
import { z } from 'zod';
import { content, errorAnswers } from '../../../base/http/schemas.ts';
import { formatTime, parseTime, utcDate, zoneOf } from '../../../base/time.ts';
import { inSnapshot } from '../../../db/snapshot.ts';
import { jsonItems } from '../formats.ts';
import { type Reads, STREAM_MS } from '../reads.ts';
import { from, time, to } from '../schemas.ts';
import { sendStreamed } from '../streamed.ts';
import { textRows } from '../text-rows.ts';
import { type Range, readRange } from '../times.ts';

/** About half a megabyte of text. */
const BATCH_ROWS = 5000;
const DAY_MICROS = 86_400_000_000;

const item = z.union([
  z.object({ time, name: z.string().describe('The id of the sensor.'), value: z.number() }),
  z
    .object({ time: z.iso.date(), name: z.literal('Power'), value: z.number() })
    .describe(
      'Mean of Voltage times mean of Current, of all valid readings of the UTC day. It stands behind the readings of the day; a day without either sensor has none.',
    ),
]);

/** All sensors' readings of some days, with the power of each day. */
export function dataRoutes(reads: Reads): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/data', {
      schema: {
        tags: ['read'],
        summary: 'Readings of all sensors, and the power of each day',
        description:
          'In the order of time. Both dates count. A reading is here about a second after it was sent.',
        querystring: z.object({ from, to }),
        response: {
          ...errorAnswers,
          200: content('The readings.', { 'application/json': z.array(item) }) as never,
        },
      },
      handler: ({ query }, reply) => {
        const range = readRange(query.from, query.to);
        const batches = reads.stream(client =>
          inSnapshot(client, STREAM_MS, () => itemsOfDays(client, range)),
        );
        return sendStreamed(
          reply,
          'application/json',
          jsonItems(batches, text => text),
        );
      },
    });
    done();
  };
}

/** Items as JSON text, day by day. Days without readings are stepped over. */
async function* itemsOfDays(client: ClientBase, { from, to }: Range): AsyncGenerator<string[]> {
  for (let at = from; at < to; ) {
    const day = await nextDay(client, at, to);
    if (day === undefined) return;
    const end = day + DAY_MICROS;
    yield* itemsOf(client, Math.max(at, day), Math.min(end, to));
    const power = await powerOf(client, day, end);
    if (power !== null) yield [JSON.stringify({ time: utcDate(day), name: 'Power', value: power })];
    at = end;
  }
}

/** The midnight before the first reading in a time range. */
async function nextDay(client: ClientBase, from: number, to: number): Promise<number | undefined> {
  const { rows } = await client.query<{ day: string }>(
    `SELECT to_char(time, 'YYYY-MM-DD') AS day FROM silver.sensor_reading WHERE time >= $1 AND time < $2
     ORDER BY sensor_reading.time LIMIT 1`,
    [formatTime(from), formatTime(to)],
  );
  return rows[0] && parseTime(rows[0].day, zoneOf('UTC'));
}

async function* itemsOf(client: ClientBase, from: number, to: number): AsyncGenerator<string[]> {
  const batches = textRows<[time: string, name: string, value: string]>(
    client,
    `SELECT time, sensor_id, value FROM silver.sensor_reading WHERE time >= $1 AND time < $2 ORDER BY time, sensor_id`,
    [formatTime(from), formatTime(to)],
    BATCH_ROWS,
  );
  const names = new Map<string, string>();
  for await (const rows of batches)
    yield rows.map(([time, name, value]) => itemOf(time, quoted(name, names), value));
}

/** Put together from text rather than parsed and written again: a day has many. A double is a JSON number as it stands. */
function itemOf(time: string, name: string, value: string): string {
  return `{"time":"${time.slice(0, 10)}T${time.slice(11, -3)}Z","name":${name},"value":${value}}`;
}

/** A name as JSON. @param known those that were asked for before. */
function quoted(name: string, known: Map<string, string>): string {
  const text = known.get(name) ?? JSON.stringify(name);
  known.set(name, text);
  return text;
}

async function powerOf(client: ClientBase, from: number, to: number): Promise<number | null> {
  const { rows } = await client.query<{ power: number | null }>(
    `SELECT avg(value) FILTER (WHERE sensor_id = 'Voltage') * avg(value) FILTER (WHERE sensor_id = 'Current') AS power
     FROM silver.sensor_reading
     WHERE sensor_id IN ('Voltage', 'Current') AND time >= $1 AND time < $2 AND quality = 'valid'`,
    [formatTime(from), formatTime(to)],
  );
  return rows[0]?.power ?? null;
}
