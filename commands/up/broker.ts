import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { PortTakenError } from '../../base/errors.ts';

/**
 * An MQTT 3.1.1 broker within this process, for trying Sluice without installing one. Sessions live in memory: they
 * outlast the collector's connection, not the process.
 */
export class EmbeddedBroker {
  readonly #host: string;
  readonly #port: number;
  #aedes: Aedes | undefined;
  #server: Server | undefined;

  constructor({ host = '127.0.0.1', port }: { host?: string; port: number }) {
    this.#host = host;
    this.#port = port;
  }

  /** @throws {PortTakenError} naming the setting that changes the port. */
  async start(): Promise<void> {
    const aedes = await Aedes.createBroker();
    const server = createServer(aedes.handle);
    try {
      server.listen(this.#port, this.#host);
      await once(server, 'listening');
    } catch (error) {
      await closed(aedes);
      throw PortTakenError.from(error, 'MQTT', this.#host, this.#port, 'EMBEDDED_MQTT_PORT');
    }
    this.#aedes = aedes;
    this.#server = server;
  }

  async stop(): Promise<void> {
    this.#server?.close();
    if (this.#aedes !== undefined) await closed(this.#aedes);
  }
}

function closed(aedes: Aedes): Promise<void> {
  return new Promise(resolve => aedes.close(() => resolve()));
}
