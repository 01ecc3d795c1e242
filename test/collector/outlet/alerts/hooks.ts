import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** An HTTP server that keeps what it is told. */
export interface HookServer extends AsyncDisposable {
  url: string;
  /** How it answers. */
  status: number;
  /** The JSON that it was sent, where it answered with a status below 300. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it is sent.
  bodies: any[];
  paths: string[];
}

export async function hookServer(): Promise<HookServer> {
  const server = createServer(async (request, response) => {
    const body = await text(request);
    hook.paths.push(request.url ?? '');
    if (hook.status < 300) hook.bodies.push(JSON.parse(body));
    response.writeHead(hook.status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hook: HookServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    status: 200,
    bodies: [],
    paths: [],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return hook;
}
