import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** A request that passes. */
export interface Passing {
  method: string;
  url: string;
}

/**
 * What becomes of a request. *pass*; *error*: the server answers 500; *expired*: the credentials have; *corrupt*: a byte of
 * its body is turned; *cut*: half of its body arrives, then the connection is reset; *slow*: it waits a while; *hang*: nobody answers.
 */
export type Fate = 'pass' | 'error' | 'expired' | 'corrupt' | 'cut' | 'slow' | 'hang';

const SLOW_MS = 200;
const xml = (code: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>said by a test</Message></Error>`;

/** An HTTP proxy on 127.0.0.1 that spoils requests to one server. It is closed at the end of the scope. */
export class HttpProxy implements AsyncDisposable {
  readonly #target: number;
  readonly #server: Server;
  /** Decides about each request. */
  fate: (passing: Passing) => Fate = () => 'pass';
  /** Told when the server has answered, before the answer passes. */
  onAnswered: (passing: Passing) => void = () => undefined;
  requests = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((incoming, answer) => {
      this.#pass(incoming, answer).catch(() => answer.destroy());
    });
  }

  /** @param target the port of the server on 127.0.0.1. */
  static async start(target: number): Promise<HttpProxy> {
    const proxy = new HttpProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    this.requests++;
    const passing = { method: incoming.method!, url: incoming.url! };
    const fate = this.fate(passing);
    if (fate === 'hang') return;
    const body = await buffer(incoming);
    if (fate === 'error') return say(answer, 500, 'InternalError');
    if (fate === 'expired') return say(answer, 403, 'ExpiredToken');
    if (fate === 'slow') await new Promise(resolve => setTimeout(resolve, SLOW_MS));
    if (fate === 'corrupt' && body.length > 0) body[body.length >> 1]! ^= 1;
    const passed = request({
      host: '127.0.0.1',
      port: this.#target,
      method: passing.method,
      path: passing.url,
      // The name of the host is signed, so it stays.
      headers: incoming.headers,
      agent: false,
    });
    passed.on('error', () => answer.destroy());
    if (fate === 'cut') {
      passed.write(body.subarray(0, body.length >> 1), () => passed.destroy());
      return;
    }
    passed.end(body);
    const [response] = (await once(passed, 'response')) as [IncomingMessage];
    const said = await buffer(response);
    this.onAnswered(passing);
    answer.writeHead(response.statusCode!, response.headers).end(said);
  }
}

function say(answer: ServerResponse, status: number, code: string): void {
  answer.writeHead(status, { 'content-type': 'application/xml' }).end(xml(code));
}
