import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import { expect, test } from 'vitest';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { openTransport } from '../../../../collector/source/mqtt/transport.ts';
import { certificate, key } from '../../../harness/certificate.ts';
import { eventually } from '../../../harness/eventually.ts';

tls.setDefaultCACertificates([...tls.getCACertificates('default'), certificate]);

/** Starts a server that sends back what it gets. */
async function echo(
  kind: 'mqtt' | 'mqtts' | 'ws',
): Promise<{ url: string; server: Server | WebSocketServer }> {
  const answer = (socket: Socket) => socket.pipe(socket).on('error', () => undefined);
  if (kind === 'ws') {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    server.on('connection', socket => {
      const stream = createWebSocketStream(socket);
      stream.pipe(stream).on('error', () => undefined);
    });
    await once(server, 'listening');
    return { url: `ws://127.0.0.1:${(server.address() as { port: number }).port}`, server };
  }
  const server =
    kind === 'mqtt' ? createServer(answer) : tls.createServer({ key, cert: certificate }, answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `${kind}://localhost:${(server.address() as { port: number }).port}`, server };
}

test.each(['mqtt', 'mqtts', 'ws'] as const)(
  '%s: bytes come as they were sent; paused, none come',
  async kind => {
    const { url, server } = await echo(kind);
    const received: Buffer[] = [];
    const size = () => received.reduce((sum, bytes) => sum + bytes.length, 0);
    const transport = openTransport(url, bytes => received.push(Buffer.from(bytes)));
    const sent = randomBytes(1_000_000);
    transport.stream.write(sent);
    await eventually(() => expect(size()).toBe(sent.length));
    expect(Buffer.concat(received).equals(sent)).toBe(true);

    transport.pause();
    const more = randomBytes(100);
    await new Promise(resolve => transport.stream.write(more, resolve));
    // A second connection whose echo comes back shows that the first one's had time to.
    const other = openTransport(url, bytes => received.push(Buffer.from(bytes)));
    received.length = 0;
    other.stream.write('x');
    await eventually(() => expect(size()).toBe(1));
    expect(Buffer.concat(received).toString()).toBe('x');
    transport.resume();
    await eventually(() => expect(size()).toBe(1 + more.length));

    const ended = once(transport.stream, 'close');
    transport.stream.end();
    await ended;
    other.stream.destroy();
    server.close();
  },
);

test('a server that is not there ends the stream with an error', async () => {
  const { stream } = openTransport('mqtt://127.0.0.1:1', () => undefined);
  const [error] = await once(stream, 'error');
  expect(error.code).toBe('ECONNREFUSED');
});
