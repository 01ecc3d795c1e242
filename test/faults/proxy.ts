import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';

/**
 * What becomes of bytes. *forward*: they pass. *hang*: nothing passes; the kernel holds what is sent, and it passes
 * later. *drop*: everything is swallowed for good, as when the other machine has lost its power: whoever is connected
 * meanwhile never hears anything again. *refuse*: every connection is reset (RST), also each new one.
 */
type Mode = 'forward' | 'hang' | 'drop' | 'refuse';

/** PostgreSQL's simple query "COMMIT": its type, its length, its text. */
const COMMIT = Buffer.from('Q\0\0\0\x0bCOMMIT\0', 'latin1');

/**
 * After this time a server's keepalive notices that the client of a dead connection is gone. Longer than the collector lets
 * a server wait idle in a transaction, so that a run shows that too.
 */
const KEEPALIVE_MS = 75_000;

/** A connection of a client, and ours to the server for it. */
interface Link {
  client: Socket;
  server: Socket;
  /** It was there while bytes were dropped: nothing passes it any more. */
  dead: boolean;
  /** The server's next answer is lost, and the connection with it. */
  losesAnswer: boolean;
}

/** A TCP proxy on 127.0.0.1 that breaks the network. It is closed at the end of the scope. */
export class TcpProxy implements AsyncDisposable {
  readonly #target: number;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #mode: Mode = 'forward';
  #onAnswerLost: (() => void) | undefined;
  /** Connections that were accepted so far. */
  accepted = 0;

  private constructor(target: number) {
    this.#target = target;
    // Half-open: the end of one direction is passed on, not answered.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, client => this.#accept(client));
  }

  /** @param target the port of the server on 127.0.0.1. */
  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#links.size;
  }

  forward(): void {
    this.#mode = 'forward';
    for (const { client, server, dead } of this.#links) {
      if (dead) continue;
      client.resume();
      server.resume();
    }
  }

  /** Holds everything back until `forward`; connections are accepted still. */
  hang(): void {
    this.#mode = 'hang';
    for (const { client, server, dead } of this.#links) {
      if (dead) continue;
      client.pause();
      server.pause();
    }
  }

  /** Swallows everything. The connections of now, and those made until `forward`, stay dead. */
  drop(): void {
    this.#mode = 'drop';
    for (const link of this.#links) kill(link);
  }

  /** Resets every connection; new ones are served. */
  reset(): void {
    for (const link of this.#links) this.#reset(link);
  }

  /** Resets every connection, and each new one until `forward`. */
  refuse(): void {
    this.#mode = 'refuse';
    this.reset();
  }

  /** Lets the next COMMIT reach PostgreSQL and resets the connection when the answer comes. Resolves when that has happened. */
  loseNextCommitAnswer(signal?: AbortSignal): Promise<boolean> {
    return new Promise(resolve => {
      this.#onAnswerLost = () => resolve(true);
      signal?.addEventListener('abort', () => {
        this.#onAnswerLost = undefined;
        resolve(false);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.refuse();
    await closed;
  }

  #accept(client: Socket): void {
    this.accepted++;
    if (this.#mode === 'refuse') {
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    const server = new Socket({ allowHalfOpen: true }).setNoDelay(true);
    const link: Link = { client, server, dead: false, losesAnswer: false };
    this.#links.add(link);
    this.#pass(link, client, server);
    this.#pass(link, server, client);
    if (this.#mode === 'hang') {
      client.pause();
      server.pause();
    }
    if (this.#mode === 'drop') kill(link);
    server.connect(this.#target, '127.0.0.1');
  }

  #pass(link: Link, from: Socket, to: Socket): void {
    from.on('data', (bytes: Buffer) => {
      if (link.dead) return;
      if (from === link.server && link.losesAnswer) {
        this.#reset(link);
        this.#onAnswerLost?.();
        this.#onAnswerLost = undefined;
        return;
      }
      if (from === link.client && this.#onAnswerLost && bytes.includes(COMMIT)) link.losesAnswer = true;
      if (!to.write(bytes)) from.pause();
    });
    to.on('drain', () => {
      if (link.dead || this.#mode !== 'hang') from.resume();
    });
    from.on('end', () => {
      if (!link.dead) to.end();
    });
    from.on('error', () => undefined);
    from.on('close', () => this.#closed(link, from, to));
  }

  #closed(link: Link, from: Socket, to: Socket): void {
    // Of the end of a dead connection neither side hears, until the server's own keepalive finds it.
    if (link.dead && from === link.server) return;
    this.#links.delete(link);
    if (link.dead) setTimeout(() => to.destroy(), KEEPALIVE_MS).unref();
    else if (from.errored) to.resetAndDestroy();
    else to.destroySoon();
  }

  #reset(link: Link): void {
    this.#links.delete(link);
    link.client.resetAndDestroy();
    link.server.resetAndDestroy();
  }
}

function kill(link: Link): void {
  link.dead = true;
  link.client.resume();
  link.server.resume();
}
