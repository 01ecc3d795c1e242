import { mkdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PortTakenError } from '../../../base/errors.ts';
import { startEmbedded } from '../../harness/broker.ts';
import { withDatabase } from '../../harness/database.ts';
import { eventually } from '../../harness/eventually.ts';
import { readyOf } from '../../harness/pipeline.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { collecting, post, readingAt } from './collecting.ts';

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);

test('/health says that the process lives', async () => {
  await using running = await collecting();
  const response = await fetch(`${running.http}/health`);
  expect([response.status, await response.json()]).toEqual([200, { status: 'alive' }]);
  expect((await fetch(`${running.http}/health`, { method: 'HEAD' })).status).toBe(200);
});

test('/ready: all is well', async () => {
  await using broker = await startEmbedded();
  await withDatabase(async database => {
    await using running = await collecting({ MQTT_URL: broker.url, DATABASE_URL: database.url });
    await eventually(async () =>
      expect(await readyOf(running.http)).toEqual({
        code: 200,
        body: {
          status: 'ok',
          reasons: [],
          broker: { connected: true, since: iso },
          recording: { ok: true },
          database: { connected: true },
          pending_bytes: 0,
        },
      }),
    );
  });
});

test('/ready is 200 while broker and database are away, and says since when and why', async () => {
  await using running = await collecting();
  await eventually(async () => {
    const { code, body } = await readyOf(running.http);
    expect(code).toBe(200);
    expect(body).toMatchObject({
      status: 'degraded',
      reasons: [
        { name: 'broker_away', message: 'the broker is away: connect ECONNREFUSED 127.0.0.1:1' },
        { name: 'database_away', message: expect.stringContaining('ECONNREFUSED') },
      ],
      broker: { connected: false, since: iso, reason: 'connect ECONNREFUSED 127.0.0.1:1' },
      database: { connected: false, since: iso, reason: expect.stringContaining('ECONNREFUSED') },
      recording: { ok: true },
    });
  });
});

test('/ready names a raw file that cannot be read', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'raw'));
  await writeFile(join(folder.path, 'raw/2025-11-12_Sensor_1.jsonl.gz'), 'no gzip file');
  await withDatabase(async database => {
    await using running = await collecting({ DATABASE_URL: database.url, DATA_DIR: folder.path });
    await eventually(async () => {
      const { body } = await readyOf(running.http);
      expect(body.reasons.map(({ name }: { name: string }) => name)).toContain('raw_files_unreadable');
      expect(JSON.stringify(body.reasons)).toContain('(2025-11-12_Sensor_1.jsonl: ');
    });
  });
});

test('/ready is 503 when recording fails', async () => {
  await using running = await collecting();
  await rm(join(running.dataDir, 'raw'), { recursive: true });
  const missing = await readyOf(running.http);
  expect(missing).toMatchObject({ code: 503, body: { status: 'failing', recording: { ok: false } } });
  expect(missing.body.recording.reason).toContain('ENOENT');
  expect((await post(`${running.http}/api/v1/readings`, readingAt(0))).code).toBe(503);
  expect((await readyOf(running.http)).body.recording.reason).toContain('Cannot record to');
});

test('a port that is taken is told with the setting that changes it', async () => {
  const other = createServer();
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const running = collecting({ HTTP_PORT: String(port) });
  await expect(running).rejects.toThrow(PortTakenError);
  await expect(running).rejects.toThrow(
    `HTTP: port ${port} on 127.0.0.1 is taken. Set HTTP_PORT to a free one.`,
  );
  other.close();
});

test('every answer has security headers and the request id, which is the sender’s where it can be logged', async () => {
  await using running = await collecting();
  const ask = (id: string) => fetch(`${running.http}/nothing/here`, { headers: { 'x-request-id': id } });
  const response = await ask('trace-1/2');
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'x-request-id': 'trace-1/2',
    'content-security-policy': expect.stringContaining("default-src 'self'"),
    'x-content-type-options': 'nosniff',
  });
  expect(response.headers.get('access-control-allow-origin')).toBeNull();
  for (const bad of ['two words', 'x'.repeat(129), '{}']) {
    expect((await ask(bad)).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test('also where the URL is none, or too long for any route', async () => {
  await using running = await collecting();
  for (const [path, code] of [
    ['/%zz', 400],
    [`/api/v1/sensors/${'x'.repeat(5000)}/latest`, 414],
  ] as const) {
    const response = await fetch(`${running.http}${path}`, { headers: { 'x-request-id': 'trace-3' } });
    expect([response.status, Object.fromEntries(response.headers)]).toMatchObject([
      code,
      {
        'x-request-id': 'trace-3',
        'content-security-policy': expect.stringContaining("default-src 'self'"),
        'x-content-type-options': 'nosniff',
      },
    ]);
    expect(await response.json()).toMatchObject({ statusCode: code, message: expect.any(String) });
  }
});

test('errors are JSON, without a trace of where they came from', async () => {
  await using running = await collecting();
  const response = await fetch(`${running.http}/nothing?x=1`);
  expect([response.status, await response.json()]).toEqual([
    404,
    { statusCode: 404, error: 'Not Found', message: 'There is no GET /nothing; see /docs.' },
  ]);
  const wrong = await fetch(`${running.http}/data?from=2022-04-14`);
  expect([wrong.status, await wrong.json()]).toMatchObject([
    400,
    { error: 'Bad Request', message: expect.stringMatching(/^query to: must be a date/) },
  ]);
});

test('who asks more often than HTTP_RATE_LIMIT is told when to go on; health checks are not counted', async () => {
  await using running = await collecting({ HTTP_RATE_LIMIT: '3' });
  const codes = [];
  for (let n = 0; n < 4; n++) codes.push((await post(`${running.http}/data`, '1 a', 'text/plain')).code);
  expect(codes).toEqual([400, 400, 400, 429]);
  const answer = await post(`${running.http}/data`, '1 a', 'text/plain');
  expect(answer).toMatchObject({ code: 429, body: { statusCode: 429, error: 'Too Many Requests' } });
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  for (let n = 0; n < 5; n++) expect((await fetch(`${running.http}/health`)).status).toBe(200);
});

test('headers that are too large, and requests that are none, end the connection and nothing else', async () => {
  await using running = await collecting();
  const { port } = new URL(running.http);
  const say = (text: string) =>
    new Promise<string>(resolve => {
      let heard = '';
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(text));
      socket.on('data', chunk => {
        heard += chunk;
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(heard));
    });
  expect(await say(`GET /health HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)).toContain(
    ' 431 ',
  );
  expect(await say('this is no HTTP\r\n\r\n')).toContain(' 400 ');
  expect((await fetch(`${running.http}/health`)).status).toBe(200);
});
