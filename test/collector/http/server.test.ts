import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { HttpServer, type Vitals } from '../../../collector/http/server.ts';
import { PortTakenError } from '../../../collector/port-taken.ts';
import { zoneOf } from '../../../collector/time.ts';
import { configFor, readyOf, silent } from '../../support/pipeline.ts';
import { temporaryFolder } from '../../support/server.ts';

const since = '2025-11-12T10:15:00.000Z';

/** The server of a collector that records, with other vitals where a test says so. */
async function serve(vitals: Partial<Vitals> = {}, env: Record<string, string> = {}) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const recorder = new Recorder({ dataDir: folder.path, zone: zoneOf('UTC'), descriptors: 16, log: silent });
  await recorder.start(false);
  stack.defer(() => recorder.stop());
  const server = new HttpServer(configFor({ DATA_DIR: folder.path, ...env }), {
    broker: () => ({ connected: true, since }),
    database: () => ({ connected: true }),
    recording: () => recorder.failure,
    pendingBytes: () => 7,
    ...vitals,
  });
  const http = await server.start();
  stack.defer(() => server.stop());
  const kept = stack.move();
  return { http, recorder, folder: folder.path, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

test('/health says that the process lives', async () => {
  await using served = await serve();
  const response = await fetch(`${served.http}/health`);
  expect([response.status, await response.json()]).toEqual([200, { status: 'alive' }]);
  expect((await fetch(`${served.http}/nothing`)).status).toBe(404);
});

test('/ready: all is well', async () => {
  await using served = await serve();
  expect(await readyOf(served.http)).toEqual({
    code: 200,
    body: {
      status: 'ready',
      broker: { connected: true, since },
      recording: { ok: true },
      database: { connected: true },
      pending_bytes: 7,
    },
  });
});

test('/ready is 200 while broker and database are away, and says since when and why', async () => {
  await using served = await serve({
    broker: () => ({ connected: false, since, reason: 'connect ECONNREFUSED 127.0.0.1:1883' }),
    database: () => ({ connected: false, since, reason: 'the database system is starting up' }),
  });
  const { code, body } = await readyOf(served.http);
  expect(code).toBe(200);
  expect(body).toMatchObject({
    broker: { connected: false, since, reason: 'connect ECONNREFUSED 127.0.0.1:1883' },
    database: { connected: false, since, reason: 'the database system is starting up' },
    recording: { ok: true },
  });
});

test('/ready is 503 when recording fails', async () => {
  await using served = await serve();
  await rm(join(served.folder, 'raw'), { recursive: true });
  const missing = await readyOf(served.http);
  expect(missing).toMatchObject({ code: 503, body: { status: 'failing', recording: { ok: false } } });
  expect(missing.body.recording.reason).toContain('ENOENT');
  const reading = Buffer.from('{"id":"a","dt":"2025-11-12","value":1}');
  await expect(served.recorder.record('t', reading).durable).rejects.toThrow();
  expect((await readyOf(served.http)).body.recording.reason).toContain('Cannot record to');
});

test('a port that is taken is told with the setting that changes it', async () => {
  const other = createServer();
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const served = serve({}, { HTTP_PORT: String(port) });
  await expect(served).rejects.toThrow(PortTakenError);
  await expect(served).rejects.toThrow(
    `HTTP: port ${port} on 127.0.0.1 is taken. Set HTTP_PORT to a free one.`,
  );
  other.close();
});
