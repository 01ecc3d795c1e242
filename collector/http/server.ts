import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';
import { PortTakenError } from '../port-taken.ts';
import type { LoaderStatus } from '../silver/protocol.ts';
import type { BrokerStatus } from '../source/mqtt-source.ts';

/** What the health checks look at. */
export interface Vitals {
  broker(): BrokerStatus;
  database(): LoaderStatus['database'];
  /** Why nothing can be recorded; undefined when all is well. */
  recording(): Error | undefined;
  pendingBytes(): number;
}

/** The collector's HTTP server: /health says that the process lives, /ready whether it records. */
export class HttpServer {
  readonly #config: Config;
  readonly #vitals: Vitals;
  #app: FastifyInstance | undefined;

  constructor(config: Config, vitals: Vitals) {
    this.#config = config;
    this.#vitals = vitals;
  }

  /**
   * @returns the server's address, such as http://127.0.0.1:8080.
   * @throws {PortTakenError} naming the setting that changes the port.
   */
  async start(): Promise<string> {
    const { HTTP_HOST: host, HTTP_PORT: port } = this.#config;
    const app = Fastify({ logger: false, forceCloseConnections: true });
    this.#app = app;
    app.get('/health', () => ({ status: 'alive' }));
    app.get('/ready', async (_request, reply) => {
      const ready = await this.#ready();
      return reply.code(ready.recording.ok ? 200 : 503).send(ready);
    });
    try {
      return await app.listen({ host, port });
    } catch (error) {
      throw PortTakenError.from(error, 'HTTP', host, port, 'HTTP_PORT');
    }
  }

  async stop(): Promise<void> {
    await this.#app?.close();
  }

  /** 503 only where recording itself fails: without a broker or a database restarting us would mend nothing. */
  async #ready() {
    const failure = this.#vitals.recording() ?? (await this.#folderFailure());
    return {
      status: failure === undefined ? 'ready' : 'failing',
      broker: this.#vitals.broker(),
      recording: failure === undefined ? { ok: true } : { ok: false, reason: failure.message },
      database: this.#vitals.database(),
      pending_bytes: this.#vitals.pendingBytes(),
    };
  }

  async #folderFailure(): Promise<Error | undefined> {
    return access(join(this.#config.DATA_DIR, 'raw'), constants.W_OK).then(
      () => undefined,
      (error: Error) => error,
    );
  }
}
