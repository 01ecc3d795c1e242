import { type Delivery, deliveryOf } from '../delivery.ts';
import { LargePublish, MOST_WHOLE_BYTES } from './large-publish.ts';

/** MQTT Control Packet types, as they stand in the first byte of a packet [MQTT-2.1.2]. */
const CONNACK = 0x20;
const PUBLISH = 0x30;
const NO_PROPERTIES = Buffer.alloc(0);

/** Takes what a broker sends, packet by packet. Buffers are overwritten after each call. */
export interface Packets {
  /** The broker has accepted the connection; comes before every message. */
  onAccepted(sessionPresent: boolean): void;
  /**
   * @param payloadBytes length of the payload as it was sent; of a very large one `payload` is only the beginning.
   * @param properties as they stand there, without their length; empty before MQTT 5.
   */
  onPublish(
    topic: Buffer,
    payload: Buffer,
    delivery: Delivery,
    payloadBytes: number,
    properties: Buffer,
  ): void;
  /** A packet that is not a PUBLISH, as a whole. */
  onOther(packet: Buffer): void;
}

/** What a broker sent is not MQTT; the connection has to end [MQTT-4.13.1-1]. */
class MalformedPacketError extends Error {
  constructor() {
    super('the broker sent a malformed packet');
    this.name = 'MalformedPacketError';
  }
}

/**
 * Cuts the bytes of a connection into packets, wherever their chunks end, in bounded memory: of a packet that is larger
 * than what could ever be recorded it keeps the beginning and counts the rest.
 *
 * We never announce a Topic Alias Maximum, so a topic is always there in full [MQTT-3.3.2-9].
 */
export class PacketFramer {
  readonly #hasProperties: boolean;
  readonly #packets: Packets;
  /** What has arrived of a packet that is not complete. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** How many bytes the packet in `rest` needs; 1 while its length is not known. */
  #needed = 1;
  #large: LargePublish | undefined;

  /** @param protocolVersion 5: packets have properties. */
  constructor(protocolVersion: 4 | 5, packets: Packets) {
    this.#hasProperties = protocolVersion === 5;
    this.#packets = packets;
  }

  /** @throws where it is not MQTT; after which nothing more may be added. */
  add(chunk: Buffer): void {
    let block = chunk;
    if (this.#large !== undefined) {
      block = chunk.subarray(this.#large.add(chunk));
      if (!this.#large.isComplete) return;
      const { beginning, body, length } = this.#large;
      this.#large = undefined;
      this.#publish(beginning, beginning[0]!, body, length);
    } else if (this.#restBytes > 0) {
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
        if (shift === 21) throw new MalformedPacketError();
      }
      const end = body + length;
      if (end > block.length) return this.#incomplete(block, at, body, end);
      const first = block[at]!;
      const type = first & 0xf0;
      if (type === PUBLISH) this.#publish(block, first, body, end);
      else {
        // Bit 0 of the first byte is Session Present, the second one the return code [MQTT-3.2.2].
        const isAccepted = type === CONNACK && length >= 2 && block[body + 1] === 0;
        if (isAccepted) this.#packets.onAccepted((block[body]! & 1) === 1);
        this.#packets.onOther(block.subarray(at, end));
      }
      at = end;
    }
    this.#needed = 1;
    return at;
  }

  /** @returns up to where the block is taken. */
  #incomplete(block: Buffer, at: number, body: number, end: number): number {
    this.#needed = end - at;
    if (this.#needed <= MOST_WHOLE_BYTES) return at;
    // Nothing else that we ask for comes near to this size.
    if ((block[at]! & 0xf0) !== PUBLISH) throw new MalformedPacketError();
    this.#large = new LargePublish(this.#needed, body - at);
    this.#large.add(block.subarray(at));
    return block.length;
  }

  /** @param end where the packet ends: beyond the block where only its beginning was kept. */
  #publish(block: Buffer, first: number, body: number, end: number): void {
    if (body + 2 > end) throw new MalformedPacketError();
    const topicStart = body + 2;
    const topicEnd = topicStart + (block[body]! << 8) + block[body + 1]!;
    let at = topicEnd;
    let properties: Buffer = NO_PROPERTIES;
    let id = 0;
    // The QoS bits; 3 is malformed [MQTT-3.3.1-4].
    const qos = (first & 0x06) >> 1;
    if (qos === 3) throw new MalformedPacketError();
    if (qos !== 0) {
      if (at + 2 > end) throw new MalformedPacketError();
      id = (block[at]! << 8) + block[at + 1]!;
      at += 2;
      if (id === 0) throw new MalformedPacketError();
    }
    if (this.#hasProperties) {
      let length = 0;
      for (let shift = 0; ; shift += 7) {
        if (at >= end || shift > 21) throw new MalformedPacketError();
        const byte = block[at++]!;
        length += (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      if (length > 0) properties = block.subarray(at, Math.min(at + length, end));
      at += length;
    }
    // An empty topic would need the alias that we never allowed.
    if (at > end || topicEnd === topicStart) throw new MalformedPacketError();
    const topic = block.subarray(topicStart, topicEnd);
    const delivery = deliveryOf(id, first & 0x0f);
    this.#packets.onPublish(topic, block.subarray(at, end), delivery, end - at, properties);
  }
}
