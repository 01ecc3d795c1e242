import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { Tracing } from '../../../collector/serve/tracing.ts';
import { withDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { configFor, silent } from '../../harness/pipeline.ts';
import { freePort } from '../../harness/server.ts';
import { collecting, post } from './collecting.ts';

/** A span as OTLP has it in JSON, as far as these tests ask. */
interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  links?: { spanId: string }[];
  status: { code?: number };
}

/** A small receiver of OTLP over HTTP, as JSON. */
async function otlpReceiver() {
  const spans: Span[] = [];
  const asked: { path: string | undefined; authorization: string | undefined }[] = [];
  const services = new Set<unknown>();
  const server = createServer(async (request, response) => {
    asked.push({ path: request.url, authorization: request.headers.authorization });
    // biome-ignore lint/suspicious/noExplicitAny: the shape is what is tested.
    const body = (await json(request)) as any;
    for (const { resource, scopeSpans } of body.resourceSpans) {
      services.add(attributesOf(resource)['service.name']);
      for (const scope of scopeSpans) spans.push(...scope.spans);
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    asked,
    services,
    named: (name: string) => spans.filter(span => span.name === name),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function attributesOf({ attributes }: Pick<Span, 'attributes'>): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

const durable = (file: string, size: number) => ({ file, size });
const group = (...files: ReturnType<typeof durable>[]) => ({
  messages: 3,
  payloadBytes: 90,
  seconds: 0.002,
  files,
});

test('groups, batches and refreshes are spans, each linked to what it has done with; requests belong to who asks', async () => {
  await using receiver = await otlpReceiver();
  const settings = configFor({
    OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.url}/`,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20secret',
    OTEL_SERVICE_NAME: 'plant 1',
  });
  const tracing = (await Tracing.open(settings, silent))!;
  tracing.group(group(durable('a', 100)));
  tracing.group(group(durable('a', 200), durable('b', 50)));
  tracing.batch({ lines: 3, seconds: 0.01, files: [['a', 150]] });
  tracing.batch({
    lines: 5,
    seconds: 0.02,
    files: [
      ['a', 200],
      ['b', 50],
    ],
  });
  tracing.refreshed({ minutes: 2, seconds: 0.5 });
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  tracing.request({
    method: 'GET',
    route: '/api/v1/sensors/:id/latest',
    status: 200,
    id: 'r-1',
    seconds: 0.1,
    traceparent,
  });
  tracing.request({
    method: 'GET',
    route: undefined,
    status: 503,
    id: 'r-2',
    seconds: 0.1,
    traceparent: 'nonsense',
  });
  await tracing.stop();
  expect(receiver.asked[0]).toEqual({ path: '/v1/traces', authorization: 'Bearer secret' });
  expect([...receiver.services]).toEqual(['plant 1']);
  const [first, second] = receiver.named('record group');
  const batches = receiver.named('load batch');
  const [refresh] = receiver.named('refresh gold');
  const linked = (span: Span | undefined) => (span?.links ?? []).map(({ spanId }) => spanId);
  expect(attributesOf(second!)).toEqual({
    'sluice.messages': 3,
    'sluice.payload_bytes': 90,
    'sluice.files': 2,
  });
  expect(BigInt(second!.endTimeUnixNano) - BigInt(second!.startTimeUnixNano)).toBe(2_000_000n);
  expect(batches.map(linked)).toEqual([[first!.spanId], [second!.spanId]]);
  expect(linked(refresh)).toEqual(batches.map(({ spanId }) => spanId));
  const [request] = receiver.named('GET /api/v1/sensors/:id/latest');
  expect(request).toMatchObject({ traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16), kind: 2 });
  expect(attributesOf(request!)).toEqual({
    'http.request.method': 'GET',
    'http.route': '/api/v1/sensors/:id/latest',
    'http.response.status_code': 200,
    'sluice.request_id': 'r-1',
  });
  expect(receiver.named('GET')[0]).toMatchObject({ status: { code: 2 } });
});

test('of hundreds of groups a second a few are told, and all that are slow', async () => {
  await using receiver = await otlpReceiver();
  const tracing = (await Tracing.open(configFor({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }), silent))!;
  for (let n = 0; n < 300; n++) tracing.group(group(durable('a', n)));
  for (let n = 0; n < 3; n++) tracing.group({ ...group(durable('a', n)), seconds: 1.5 });
  await tracing.stop();
  // The second may end in the middle.
  expect(receiver.named('record group').length).toBeGreaterThanOrEqual(13);
  expect(receiver.named('record group').length).toBeLessThanOrEqual(33);
});

test('without an endpoint there is no tracing; a receiver that is away is told once, and costs nothing else', async () => {
  expect(await Tracing.open(configFor({}), silent)).toBeUndefined();
  const told: object[] = [];
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const log = { warn: (fields: object) => told.push(fields) };
  const tracing = (await Tracing.open(configFor({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }), log as never))!;
  tracing.refreshed({ minutes: 0, seconds: 0 });
  await tracing.stop();
  await eventually(() =>
    expect(told).toMatchObject([{ endpoint, reason: expect.stringContaining('ECONNREFUSED') }]),
  );
});

test('a collector traces what it records, loads and answers', async () => {
  await using receiver = await otlpReceiver();
  await withDatabase(async database => {
    await using running = await collecting({
      DATABASE_URL: database.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    });
    const traceparent = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
    await post(`${running.http}/data?wait=stored`, '1649941817 Voltage 1.34', 'text/plain', {
      traceparent,
      'x-request-id': 'r-9',
    });
    await fetch(`${running.http}/ready`);
    await eventually(() => {
      const [recorded] = receiver.named('record group');
      const batch = receiver.named('load batch').find(({ links = [] }) => links.length > 0);
      expect(batch!.links!.map(({ spanId }) => spanId)).toContain(recorded!.spanId);
      const [request] = receiver.named('POST /data');
      expect(request).toMatchObject({ traceId: 'c'.repeat(32), parentSpanId: 'd'.repeat(16) });
      expect(attributesOf(request!)).toMatchObject({ 'sluice.request_id': 'r-9' });
    });
    expect(receiver.named('GET /ready')).toEqual([]);
  });
});
