import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { TcpProxy } from './proxy.ts';

/** A server that sends back what it gets, behind a proxy. */
async function withEcho(
  use: (proxy: TcpProxy, atServer: () => string, port: number) => Promise<void>,
): Promise<void> {
  let received = '';
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', bytes => {
      received += bytes;
      socket.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await using proxy = await TcpProxy.start(port);
  await use(proxy, () => received, port);
  for (const socket of sockets) socket.destroy();
  server.close();
}

class Client {
  readonly socket: Socket;
  text = '';
  error: NodeJS.ErrnoException | undefined;

  constructor(proxy: TcpProxy) {
    this.socket = dial(proxy.port, '127.0.0.1');
    this.socket.on('data', bytes => {
      this.text += bytes;
    });
    this.socket.on('error', error => {
      this.error = error;
    });
  }

  async says(text: string): Promise<this> {
    this.socket.write(text);
    await eventually(() => expect(this.text).toContain(text));
    return this;
  }
}

test('bytes pass both ways, and so does the end', () =>
  withEcho(async proxy => {
    const client = await new Client(proxy).says('hello');
    const ended = once(client.socket, 'close');
    client.socket.end();
    await ended;
    await eventually(() => expect(proxy.connections).toBe(0));
  }));

test('hang: nothing passes, also of new connections, until it forwards', () =>
  withEcho(async (proxy, atServer, port) => {
    await using way = await TcpProxy.start(port);
    const old = await new Client(proxy).says('before ');
    proxy.hang();
    const fresh = new Client(proxy);
    old.socket.write('held ');
    fresh.socket.write('held as well ');
    await eventually(() => expect(proxy.connections).toBe(2));
    // What passes by another way afterwards arrives, so what is held had the time to.
    const other = await new Client(way).says('meanwhile ');
    expect(atServer()).toBe('before meanwhile ');
    expect(old.text + fresh.text).toBe('before ');
    proxy.forward();
    await eventually(() => {
      expect(old.text).toBe('before held ');
      expect(fresh.text).toBe('held as well ');
    });
    for (const { socket } of [old, fresh, other]) socket.destroy();
  }));

test('drop: what is sent is gone for good, and nobody hears of it', () =>
  withEcho(async (proxy, atServer) => {
    const old = await new Client(proxy).says('before ');
    proxy.drop();
    const meanwhile = new Client(proxy);
    old.socket.write('swallowed ');
    meanwhile.socket.write('swallowed ');
    await eventually(() => {
      expect(proxy.connections).toBe(2);
      expect([old, meanwhile].map(({ socket }) => socket.bytesWritten)).toEqual([17, 10]);
    });
    proxy.forward();
    old.socket.write('still swallowed ');
    const after = await new Client(proxy).says('after ');
    expect(atServer()).toBe('before after ');
    expect([old, meanwhile].map(({ text, socket }) => [text, socket.closed])).toEqual([
      ['before ', false],
      ['', false],
    ]);
    for (const { socket } of [old, meanwhile, after]) socket.destroy();
  }));

test('reset: connections break with RST, new ones work', () =>
  withEcho(async proxy => {
    const old = await new Client(proxy).says('before');
    proxy.reset();
    await eventually(() => expect(old.error?.code).toBe('ECONNRESET'));
    const fresh = await new Client(proxy).says('after');
    fresh.socket.destroy();
  }));

test('refuse: new connections break as well, until it forwards', () =>
  withEcho(async proxy => {
    proxy.refuse();
    const refused = new Client(proxy);
    refused.socket.write('x');
    await eventually(() => expect(refused.socket.closed).toBe(true));
    expect(refused.text).toBe('');
    proxy.forward();
    const fresh = await new Client(proxy).says('after');
    fresh.socket.destroy();
  }));

test('the answer to a COMMIT is lost, and no other one', () =>
  withEcho(async (proxy, atServer) => {
    const commit = 'Q\0\0\0\x0bCOMMIT\0';
    const client = await new Client(proxy).says('CREATE TEMP TABLE t () ON COMMIT DELETE ROWS');
    const lost = proxy.loseNextCommitAnswer();
    await client.says('SELECT 1');
    client.socket.write(commit);
    expect(await lost).toBe(true);
    await eventually(() => expect(client.error?.code).toBe('ECONNRESET'));
    expect(atServer()).toContain(commit);
    expect(client.text).not.toContain(commit);
    const next = await new Client(proxy).says(commit);
    next.socket.destroy();
  }));
