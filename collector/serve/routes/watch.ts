import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { content, errorAnswers } from '../../../base/http/schemas.ts';
import type { LiveStream } from '../live-stream.ts';
import type { Metrics } from '../metrics.ts';
import { connection, reasons, time } from '../schemas.ts';

const status = z.object({
  at: time.describe('When this was looked up.'),
  started_at: time.describe('Since when the counters count.'),
  reasons,
  received: z.number().int().describe('Messages since the start, by MQTT and HTTP.'),
  recorded: z.number().int(),
  rejected: z.number().int(),
  stored: z.number().int(),
  duplicates: z.number().int().describe('Readings that were stored before: sent twice.'),
  conflicts: z
    .number()
    .int()
    .describe('Readings with another value than the stored one of their sensor and time.'),
  refused: z.number().int().describe('Recorded lines that hold no reading, or one that cannot be stored.'),
  broker: connection,
  database: connection,
  recording: z.object({ ok: z.boolean(), pending_bytes: z.number() }),
  loading: z.object({ pending_bytes: z.number(), lag_s: z.number() }),
  refresh: z.object({ lag_s: z.number() }),
  outlets: z
    .array(
      z.object({
        name: z.string(),
        kind: z.string(),
        connection,
        sent: z
          .number()
          .int()
          .describe('Messages that the consumer has confirmed since the outlet was made.'),
        skipped: z.number().int().describe('Lines, or means, that were forgotten before they could be sent.'),
        dead_letters: z
          .number()
          .int()
          .describe(
            'Messages that the receiver has refused; they are in outlets/NAME.dead.jsonl of the data folder.',
          ),
        waiting: z.number().describe('What is still to be sent, in `unit`.'),
        unit: z.enum(['bytes', 'means']),
        stalled_s: z.number().describe('For how long nothing was confirmed although something waits.'),
      }),
    )
    .describe('Who is fed, and how far.'),
  rejects: z
    .array(
      z.object({
        source: z.enum(['mqtt', 'http']),
        entry: z
          .string()
          .describe('The entry of the topics file: its filter, as written; "plain messages"; "no entry".'),
        reason: z.string(),
        count: z.number().int(),
        last: z
          .object({ at: time, topic: z.string(), payload: z.string() })
          .nullable()
          .describe('The last such message of MQTT, or its beginning; null: it is not known.'),
      }),
    )
    .describe('What was rejected since the start, by entry and reason; the most frequent first.'),
  clock: z
    .object({
      ok: z.boolean(),
      reason: z.string().optional(),
      synchronized: z
        .boolean()
        .nullable()
        .describe('Whether a time server keeps it right; null: the system does not tell.'),
      readings_ahead: z
        .number()
        .describe('Of the last readings, the share that is more than a minute ahead.'),
    })
    .describe('Of the machine.'),
  disk: z
    .object({ free_bytes: z.number(), total_bytes: z.number() })
    .nullable()
    .describe('Of the data folder; null where the system does not tell.'),
});

/** How it goes, at this moment. */
export type Status = z.output<typeof status>;

/** What watches the collector from outside: /metrics, /api/v1/status and the stream of events. */
export function watchRoutes(
  metrics: Metrics,
  stream: LiveStream,
  look: () => Promise<Status>,
): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/metrics', {
      schema: {
        tags: ['watch'],
        summary: 'Metrics for Prometheus',
        description: 'docs/metrics.md has the meaning of each.',
        response: { ...errorAnswers, 200: content('Metrics.', { 'text/plain': z.string() }) as never },
      },
      handler: async (_request, reply) => {
        const { type, body } = await metrics.text();
        return reply.type(type).send(body);
      },
    });
    app.get('/api/v1/status', {
      schema: {
        tags: ['watch'],
        summary: 'Counts and lags of each stage',
        response: {
          ...errorAnswers,
          200: status.meta({ description: 'The counters, and what is connected.' }),
        },
      },
      handler: () => look(),
    });
    app.get('/api/v1/stream', {
      schema: {
        tags: ['watch'],
        summary: 'New readings and means as they come (server-sent events)',
        description:
          'Events `reading` {sensor_id, time, value, quality, late, jump}, once it is on disk, judged as far as can be told at once; `mean` {bucket, sensor_id, val_mean, val_min, val_max, n}, ' +
          'after each refresh; `lost` {count}, where a client did not keep up and events are missing.',
        querystring: z.object({
          sensor: z.string().max(200).optional().describe("Only this sensor's; default: all."),
        }),
        response: { ...errorAnswers, 200: content('Events.', { 'text/event-stream': z.string() }) as never },
      },
      handler: ({ query }, reply) => {
        // The connection is the stream's from here on.
        reply.hijack();
        reply.raw.writeHead(200, {
          ...(reply.getHeaders() as Record<string, string>),
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        });
        stream.join(reply.raw, query.sensor);
      },
    });
    done();
  };
}
