import { Duplex } from 'node:stream';
import type { OnBytes, Transport } from './transport.ts';

/** MQTT Control Packet type 3, as it stands in the first byte of a packet [MQTT-2.1.2]. */
const PUBLISH = 0x30;

/**
 * Takes a PUBLISH.
 * @param topic overwritten after the call, and so is `payload`.
 * @param id packet identifier; 0 for QoS 0.
 */
export type OnPublish = (topic: Buffer, payload: Buffer, id: number, qos: 0 | 1 | 2) => void;

/**
 * Stands between a connection to a broker and mqtt.js: takes PUBLISH packets out of what arrives, and hands every other
 * packet on. mqtt.js goes on connecting, subscribing and keeping alive; it spends about 8 µs on each packet (debug calls, a
 * tick, events), which is most of what recording a message costs, and it must never acknowledge one.
 *
 * We never announce a Topic Alias Maximum, so a topic is always there in full [MQTT-3.3.2-9].
 */
export class PublishFilter extends Duplex {
  readonly #transport: Transport;
  readonly #hasProperties: boolean;
  readonly #onPublish: OnPublish;
  /** What has arrived of a packet that is not complete. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** How many bytes the packet in `rest` needs; 1 while its length is not known. */
  #needed = 1;
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
    onPublish: OnPublish,
    pauseMs: () => number = () => 0,
  ) {
    super();
    this.#hasProperties = protocolVersion === 5;
    this.#onPublish = onPublish;
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
    this.#handle(chunk);
    const ms = this.#pauseMs();
    if (ms === 0 || this.#held) return;
    this.#transport.pause();
    setTimeout(() => {
      if (!this.#held) this.#transport.resume();
    }, ms);
  }

  #handle(chunk: Buffer): void {
    let block = chunk;
    if (this.#restBytes > 0) {
      this.#rest.push(Buffer.from(chunk));
      this.#restBytes += chunk.length;
      // A large payload comes in many chunks; they are put together once.
      if (this.#restBytes < this.#needed) return;
      block = Buffer.concat(this.#rest, this.#restBytes);
    }
    const end = this.#takePackets(block);
    this.#restBytes = block.length - end;
    this.#rest = this.#restBytes > 0 ? [Buffer.from(block.subarray(end))] : [];
  }

  /** Handles all complete packets of a block. @returns where the first incomplete one begins. */
  #takePackets(block: Buffer): number {
    let at = 0;
    while (at < block.length) {
      // Variable Byte Integer [MQTT-1.5.5]: seven bits a byte, at most four bytes.
      let body = at + 1;
      let length = 0;
      for (let shift = 0; ; shift += 7) {
        if (body >= block.length) {
          this.#needed = block.length - at + 1;
          return at;
        }
        const byte = block[body++]!;
        length += (byte & 0x7f) << shift;
        if (byte < 0x80) break;
        if (shift === 21) return this.#giveUp(block);
      }
      const end = body + length;
      if (end > block.length) {
        this.#needed = end - at;
        return at;
      }
      const first = block[at]!;
      if ((first & 0xf0) !== PUBLISH) this.push(Buffer.from(block.subarray(at, end)));
      else if (!this.#publish(block, first, body, end)) return this.#giveUp(block);
      at = end;
    }
    this.#needed = 1;
    return at;
  }

  /** @returns false where the packet is not well formed. */
  #publish(block: Buffer, first: number, body: number, end: number): boolean {
    if (body + 2 > end) return false;
    const topicStart = body + 2;
    const topicEnd = topicStart + (block[body]! << 8) + block[body + 1]!;
    let at = topicEnd;
    let id = 0;
    // The QoS bits; 3 is malformed [MQTT-3.3.1-4].
    const qos = (first & 0x06) >> 1;
    if (qos === 3) return false;
    if (qos !== 0) {
      if (at + 2 > end) return false;
      id = (block[at]! << 8) + block[at + 1]!;
      at += 2;
      if (id === 0) return false;
    }
    if (this.#hasProperties) {
      let length = 0;
      for (let shift = 0; ; shift += 7) {
        if (at >= end || shift > 21) return false;
        const byte = block[at++]!;
        length += (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      at += length;
    }
    // An empty topic would need the alias that we never allowed.
    if (at > end || topicEnd === topicStart) return false;
    this.#onPublish(block.subarray(topicStart, topicEnd), block.subarray(at, end), id, qos as 0 | 1 | 2);
    return true;
  }

  /** [MQTT-4.13.1-1]: what is not well formed ends the connection; the broker keeps what we have not acknowledged. */
  #giveUp(block: Buffer): number {
    this.destroy(new Error('the broker sent a malformed packet'));
    return block.length;
  }
}
