import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Aedes, type PublishPacket } from 'aedes';

/** What a client has published. */
interface Received {
  client: string;
  topic: string;
  payload: Buffer;
  qos: number;
}

interface Choice {
  /** Default 0: any free port. */
  port?: number;
  /** Default: everybody is let in. */
  credentials?: { username: string; password: string };
}

/** A broker of a test, which can hold its acknowledgements back. It is closed at the end of the scope. */
export class TestBroker implements AsyncDisposable {
  readonly #aedes: Aedes;
  readonly #server = createServer();
  readonly #sockets = new Set<Socket>();
  /** Resolves to whether the messages that waited for it are let through. */
  #gate: Promise<boolean> = Promise.resolve(true);
  #open: (letThrough: boolean) => void = () => undefined;
  /** Everything that was published and let through, in the order of arrival. */
  readonly received: Received[] = [];
  /** How many PUBLISH packets have arrived, let through or not. */
  arrived = 0;

  private constructor(aedes: Aedes) {
    this.#aedes = aedes;
    aedes.authorizePublish = (_client, _packet, callback) => {
      this.arrived++;
      void this.#gate.then(letThrough => callback(letThrough ? null : new Error('the connection was cut')));
    };
    aedes.on('publish', (packet: PublishPacket, client) => {
      const { topic, payload, qos } = packet;
      if (client) this.received.push({ client: client.id, topic, payload: Buffer.from(payload), qos });
    });
    this.#server.on('connection', socket => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      aedes.handle(socket);
    });
  }

  static async start({ port = 0, credentials }: Choice = {}): Promise<TestBroker> {
    const aedes = await Aedes.createBroker();
    const broker = new TestBroker(aedes);
    if (credentials !== undefined) {
      const { username, password } = credentials;
      aedes.authenticate = (_client, name, word, callback) =>
        callback(null, name === username && word?.toString() === password);
    }
    broker.#server.listen(port, '127.0.0.1');
    await once(broker.#server, 'listening');
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** From now on messages are neither let through nor acknowledged, until `release` or `cut`. */
  hold(): void {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#gate = promise;
    this.#open = resolve;
  }

  release(): void {
    this.#open(true);
  }

  /** Cuts every connection; what is held back is lost with it. Whoever connects then is served. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#open(false);
    this.#gate = Promise.resolve(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await new Promise<void>(resolve => this.#aedes.close(() => resolve()));
    await closed;
  }
}
