/**
 * Packets up to this size are put together as a whole. It is more than what is kept of a rejected message (1 MiB), a topic
 * (at most 64 KiB) and reasonable properties, so that nothing is cut off that would be kept.
 */
export const MOST_WHOLE_BYTES = 1280 * 1024;

/**
 * A PUBLISH that is larger than anything we record, while it arrives: its beginning is kept, the rest is counted. MQTT
 * allows 256 MiB, and a collector that ran out of memory over one would be sent it again.
 */
export class LargePublish {
  /** Of the whole packet, in bytes. */
  readonly length: number;
  /** Where its variable header begins. */
  readonly body: number;
  readonly #kept = Buffer.allocUnsafeSlow(MOST_WHOLE_BYTES);
  #arrived = 0;

  constructor(length: number, body: number) {
    this.length = length;
    this.body = body;
  }

  /** @returns how many bytes of the chunk belong to this packet. */
  add(chunk: Buffer): number {
    const bytes = Math.min(chunk.length, this.length - this.#arrived);
    if (this.#arrived < MOST_WHOLE_BYTES) chunk.copy(this.#kept, this.#arrived, 0, bytes);
    this.#arrived += bytes;
    return bytes;
  }

  get isComplete(): boolean {
    return this.#arrived === this.length;
  }

  /** The first bytes of the packet. */
  get beginning(): Buffer {
    return this.#kept;
  }
}
