import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Keeps room for those who have something to say: where there are as many connections as there may be, the one that has
 * kept us waiting longest makes room for the new one. First goes who has asked for nothing (yet), then who stops in the
 * middle of a body. So ten thousand that say nothing, or a byte a minute, keep nobody out.
 */
export class Connections {
  readonly #most: number;
  /** In the order in which they became what they are: no request is being answered on these. */
  readonly #silent = new Set<Socket>();
  /** A request is being received or answered on these. */
  readonly #asking = new Map<Socket, IncomingMessage>();

  /** @param most connections at once; each takes a file descriptor. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Begins to look after the connections of a server. */
  watch(server: Server): void {
    server.on('connection', socket => {
      this.#makeRoom();
      this.#silent.add(socket);
      socket.once('close', () => {
        this.#silent.delete(socket);
        this.#asking.delete(socket);
      });
    });
    server.on('request', (request, response) => {
      const { socket } = request;
      this.#silent.delete(socket);
      this.#asking.set(socket, request);
      response.once('close', () => {
        if (!this.#asking.delete(socket) || socket.destroyed) return;
        this.#silent.add(socket);
      });
    });
  }

  #makeRoom(): void {
    if (this.#silent.size + this.#asking.size < this.#most) return;
    const [silent] = this.#silent;
    (silent ?? this.#slowest())?.destroy();
  }

  /** Who has not said all of the oldest request; who waits for an answer is not to blame. */
  #slowest(): Socket | undefined {
    for (const [socket, request] of this.#asking) if (!request.complete) return socket;
    return undefined;
  }
}
