import { Duplex } from 'node:stream';
import { PacketFramer, type Packets } from './packet-framer.ts';
import type { OnBytes, Transport } from './transport.ts';

/**
 * Stands between a connection to a broker and mqtt.js: takes PUBLISH packets out of what arrives, and hands every other
 * packet on. mqtt.js goes on connecting, subscribing and keeping alive; it spends about 8 µs on each packet (debug calls, a
 * tick, events), which is most of what recording a message costs, and it must never acknowledge one.
 */
export class PublishFilter extends Duplex {
  readonly #transport: Transport;
  readonly #framer: PacketFramer;
  readonly #pauseMs: () => number;
  #held = false;
  #finished = false;

  /**
   * @param open opens the transport, whose bytes go to the function that it is given.
   * @param protocolVersion 5: packets have properties.
   * @param pauseMs asked after each read: how long to let bytes gather before the next one. A broker sends messages one
   * by one, and a read for each costs more than everything else that is done with it.
   */
  constructor(
    open: (onBytes: OnBytes) => Transport,
    protocolVersion: 4 | 5,
    taken: Omit<Packets, 'onOther'>,
    pauseMs: () => number = () => 0,
  ) {
    super();
    this.#framer = new PacketFramer(protocolVersion, {
      ...taken,
      onOther: packet => this.push(Buffer.from(packet)),
    });
    this.#pauseMs = pauseMs;
    this.#transport = open(bytes => this.#receive(bytes));
    const { stream } = this.#transport;
    stream.on('end', () => this.#finish());
    stream.on('error', error => this.#finish(error));
    stream.on('close', () => this.#finish());
  }

  /** Reads no more from the broker until the promise resolves. */
  hold(until: Promise<unknown>): void {
    this.#held = true;
    this.#transport.pause();
    void until.then(() => {
      this.#held = false;
      this.#transport.resume();
    });
  }

  /** Ends when mqtt.js has read what came last: a DISCONNECT, which says why. */
  #finish(error?: Error): void {
    if (this.#finished) return;
    this.#finished = true;
    this.once('end', () => this.destroy(error));
    this.push(null);
  }

  override _read(): void {
    // What goes on to mqtt.js is a packet now and then; there is nothing to hold back.
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#transport.stream.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#transport.stream.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#transport.stream.destroy();
    done(error);
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return;
    try {
      this.#framer.add(chunk);
    } catch (error) {
      // The broker keeps what we have not acknowledged.
      this.destroy(error as Error);
      return;
    }
    const ms = this.#pauseMs();
    if (ms === 0 || this.#held) return;
    this.#transport.pause();
    setTimeout(() => {
      if (!this.#held) this.#transport.resume();
    }, ms);
  }
}
