/** First bytes of PUBACK and of PUBREC: type, and a length of 2, the packet identifier. */
const PUBACK = 0x4002;
const PUBREC = 0x5002;
const PACKET_BYTES = 4;
const FIRST_BYTES = 16 * PACKET_BYTES;

/** The answers to the messages of a group, as packets, in the order of receipt [MQTT-4.6.0-2]. */
export class Acknowledgements {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  /**
   * Adds a PUBACK, or for QoS 2 a PUBREC: the broker answers it with PUBREL, and mqtt.js that with PUBCOMP. We subscribe with
   * 1 at most, but the session may be one that an older subscription with 2 has filled.
   */
  add(id: number, qos: number): void {
    if (this.#length === this.#buffer.length) this.#grow();
    this.#buffer.writeUInt16BE(qos === 2 ? PUBREC : PUBACK, this.#length);
    this.#buffer.writeUInt16BE(id, this.#length + 2);
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
