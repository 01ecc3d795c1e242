import { connect } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newDatabase, type TestDatabase } from '../../harness/database.ts';
import { ledgerOf, linesIn, loaded } from '../../harness/pipeline.ts';
import { type Schema, textOf, valueFor } from './arbitrary.ts';
import { type Collecting, collecting, post, readingAt } from './collecting.ts';

interface Operation {
  parameters?: { name: string; in: 'path' | 'query' | 'header'; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: object }>;
}

let database: TestDatabase;
let running: Collecting;
let operations: { method: string; path: string; operation: Operation }[];

beforeAll(async () => {
  database = await newDatabase();
  running = await collecting({
    DATABASE_URL: database.url,
    HTTP_MAX_READINGS: '100',
    HTTP_MAX_BODY_BYTES: '20000',
  });
  expect((await post(`${running.http}/data`, '1649941817 Voltage 1.34', 'text/plain')).code).toBe(200);
  const { paths } = (await (await fetch(`${running.http}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
});

afterAll(async () => {
  await running[Symbol.asyncDispose]();
  await database.drop();
});

/** A request that an operation of the description describes, more or less. */
function requestOf({ path, operation }: (typeof operations)[number]) {
  const { parameters = [], requestBody } = operation;
  const values = fc.record(
    Object.fromEntries(parameters.map(({ name, schema }) => [name, valueFor(schema)])),
    {
      requiredKeys: parameters.filter(parameter => parameter.in === 'path').map(({ name }) => name),
    },
  );
  const [types, schemas] = [
    Object.keys(requestBody?.content ?? {}),
    Object.values(requestBody?.content ?? {}),
  ];
  const type = fc.oneof(fc.constantFrom(...types, 'application/json'), fc.constantFrom('', 'text/html', 'x'));
  const described = fc.oneof(
    ...(schemas.length > 0 ? schemas : [{ schema: {} }]).map(({ schema }) => valueFor(schema)),
  );
  const body = fc.oneof(
    described.map(value => new TextEncoder().encode(textOf(value))),
    fc.array(described, { maxLength: 5 }).map(list => new TextEncoder().encode(list.map(textOf).join('\n'))),
    fc.uint8Array({ maxLength: 200 }),
    fc.constant(new TextEncoder().encode(`[${'{"id":['.repeat(1000)}`)),
    fc.constant(new Uint8Array(30_000).fill(0x31)),
  );
  return fc.record({ values, type, body }).map(({ values, ...rest }) => {
    const given = parameters.filter(({ name }) => name in values);
    const text = ({ name }: { name: string }) => textOf(values[name]).toWellFormed();
    const query = given
      .filter(parameter => parameter.in === 'query')
      .map(parameter => [parameter.name, text(parameter)]);
    const headers = given.filter(
      parameter => parameter.in === 'header' && /^[\x20-\x7e]+$/.test(text(parameter)),
    );
    const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(text({ name })));
    return {
      ...rest,
      url: `${url}?${new URLSearchParams(query as [string, string][])}`,
      headers: Object.fromEntries(headers.map(parameter => [parameter.name, text(parameter)])),
    };
  });
}

test('no request that the description describes, more or less, is our fault', async () => {
  const memory = process.memoryUsage().rss;
  const seen = new Set<number>();
  for (const operation of operations) {
    const isStream = JSON.stringify(operation.operation.responses).includes('text/event-stream');
    await fc.assert(
      fc.asyncProperty(requestOf(operation), async ({ url, type, body, headers }) => {
        const method = operation.method.toUpperCase();
        const leaving = new AbortController();
        const response = await fetch(`${running.http}${url}`, {
          method,
          signal: leaving.signal,
          headers: { ...headers, ...(method === 'POST' && type && { 'content-type': type }) },
          ...(method === 'POST' && { body: body as Uint8Array<ArrayBuffer> }),
        });
        seen.add(response.status);
        if (response.status >= 500) {
          expect([method, url, response.status, await response.text()]).toMatchObject([method, url, 503]);
          expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
        } else if (response.status >= 400) {
          const told = (await response.json()) as { success?: boolean };
          if (told.success !== false) {
            expect(told).toMatchObject({ statusCode: response.status, message: expect.any(String) });
            expect(JSON.stringify(told)).not.toMatch(/node_modules|\.ts:\d/);
          }
        } else if (isStream) leaving.abort();
        else await response.text();
      }),
      { numRuns: operation.method === 'post' ? 200 : 60 },
    );
  }
  // The requests were not all of one kind.
  expect([...seen]).toEqual(expect.arrayContaining([200, 202, 400, 404, 415]));
  expect(process.memoryUsage().rss - memory).toBeLessThan(300e6);
});

/** How long we wait for an answer to what may be no request, or half of one. */
const PATIENCE_MS = 20;

/** Says something to the server, and hears what it answers until it ends the connection, or we do. */
function say(bytes: Uint8Array, patienceMs: number | undefined): Promise<string> {
  const { port } = new URL(running.http);
  return new Promise(resolve => {
    let heard = '';
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(bytes));
    if (patienceMs !== undefined) setTimeout(() => socket.end(), patienceMs);
    socket.on('data', chunk => {
      heard += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(heard));
  });
}

test('no bytes on the socket are our fault', async () => {
  const head = 'POST /api/v1/readings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
  const good = Buffer.from(
    `${head}content-length: ${readingAt(0).length}\r\nconnection: close\r\n\r\n${readingAt(0)}`,
  );
  expect(await say(good, undefined)).toContain('HTTP/1.1 202');
  // One to five bytes of a good request are others, or it ends early, or is nothing like it.
  const spoilt = fc
    .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
    .map(changes => {
      const bytes = Buffer.from(good);
      for (const [at, byte] of changes) bytes[at] = byte;
      return bytes;
    });
  const cut = fc.nat(good.length).map(length => good.subarray(0, length));
  await fc.assert(
    fc.asyncProperty(fc.oneof(spoilt, cut, fc.uint8Array({ maxLength: 2000 })), async bytes => {
      expect(await say(bytes, PATIENCE_MS)).not.toMatch(/^HTTP\/1\.1 5/);
    }),
    { numRuns: 400 },
  );
  expect((await fetch(`${running.http}/health`)).status).toBe(200);
});

test('after all of that the ledger adds up', async () => {
  // How much of the random above was good is chance: what the sums need at least is sent here.
  for (let at = 0; at < 5; at++) {
    expect((await post(`${running.http}/api/v1/readings`, readingAt(1000 + at))).code).toBe(202);
    expect((await post(`${running.http}/api/v1/readings`, '{"id": "no dt"}')).code).toBe(400);
  }
  const { received, recorded, rejected } = running.collector.progress;
  expect(recorded).toBeGreaterThan(5);
  expect(rejected).toBeGreaterThanOrEqual(5);
  expect(received).toBe(recorded + rejected);
  expect(await running.recorded()).toBe(recorded);
  expect(await linesIn(join(running.dataDir, 'rejected'))).toEqual(new Map());
  await loaded(database, recorded);
  const { lines, stored, duplicates, conflicts, rejected: refused } = await ledgerOf(database);
  expect([lines, refused]).toEqual([stored! + duplicates! + conflicts!, 0]);
});
