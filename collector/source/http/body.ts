import type { Readable } from 'node:stream';
import { Problem, unavailable } from '../../../base/http/problem.ts';

/** Memory for all bodies that are on their way: many senders that are slow must not add up to more. One body may have it all. */
const MOST_BYTES = 64 * 1024 * 1024;
const FIRST_BYTES = 16 * 1024;

/** Receives bodies of requests, in a bounded amount of memory. */
export class Bodies {
  readonly #maxBytes: number;
  #held = 0;

  /** @param maxBytes the largest body. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Reads a body to its end.
   * @param declared its Content-Length, where it has one.
   * @throws {Problem} 413 where it is too large, 503 where too many are on their way.
   */
  async read(stream: Readable, declared: string | undefined): Promise<Buffer> {
    const most = Number(declared ?? this.#maxBytes);
    if (most > this.#maxBytes) throw this.#tooLarge();
    // Copied together, as a sender may send every byte in a chunk of its own, each of which would cost a hundred.
    let bytes: Buffer = Buffer.allocUnsafe(0);
    let length = 0;
    try {
      // Without its stream the answer could not be sent either.
      const chunks: AsyncIterable<Buffer> = stream.iterator({ destroyOnReturn: false });
      for await (const chunk of chunks) {
        if (length + chunk.length > this.#maxBytes) throw this.#tooLarge();
        if (length + chunk.length > bytes.length) bytes = this.#grow(bytes, length + chunk.length, most);
        length += chunk.copy(bytes, length);
      }
      return bytes.subarray(0, length);
    } finally {
      this.#held -= bytes.length;
    }
  }

  /** @param most what the body can have at most: doubling must not ask for more. */
  #grow(bytes: Buffer, least: number, most: number): Buffer {
    const larger = Math.max(least, Math.min(most, Math.max(FIRST_BYTES, bytes.length * 2)));
    if (this.#held + larger - bytes.length > MOST_BYTES) {
      throw unavailable('Too many bodies are on their way at once.', 2);
    }
    this.#held += larger - bytes.length;
    const grown = Buffer.allocUnsafeSlow(larger);
    bytes.copy(grown);
    return grown;
  }

  #tooLarge(): Problem {
    return new Problem(413, `A body may have ${this.#maxBytes} bytes at most (HTTP_MAX_BODY_BYTES).`);
  }
}
