/**
 * Added to the packet identifiers of QoS 2. We subscribe with 1 at most; but the session may be one that an older
 * subscription with 2 has filled.
 */
export const QOS_2 = 0x10000;

/** First bytes of PUBACK and of PUBREC: type, and a length of 2, the packet identifier. */
const PUBACK = 0x4002;
const PUBREC = 0x5002;
const PACKET_BYTES = 4;
const FIRST_BYTES = 16 * PACKET_BYTES;

/** The answers to the messages of a group, as packets, in the order of receipt [MQTT-4.6.0-2]. */
export class Acknowledgements {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  /** Adds a PUBACK; or a PUBREC, after which the broker sends PUBREL, and mqtt.js answers with PUBCOMP. */
  add(id: number): void {
    if (this.#length === this.#buffer.length) this.#grow();
    this.#buffer.writeUInt16BE(id < QOS_2 ? PUBACK : PUBREC, this.#length);
    this.#buffer.writeUInt16BE(id % QOS_2, this.#length + 2);
    this.#length += PACKET_BYTES;
  }

  /** How many messages they answer. */
  get count(): number {
    return this.#length / PACKET_BYTES;
  }

  get packets(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(): void {
    const larger = Buffer.allocUnsafe(this.#buffer.length * 2);
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }
}
