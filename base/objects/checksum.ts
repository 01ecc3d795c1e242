import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

const MIB = 1024 * 1024;
/** The least that a part of an object has, and the most that is sent in one piece. */
const LEAST_PART_BYTES = 8 * MIB;
/** S3 takes no more. */
const MOST_PARTS = 10_000;

/** How large the parts of an object of `size` bytes are; one that is no larger is sent in one piece. */
export function partBytes(size: number): number {
  return Math.max(LEAST_PART_BYTES, Math.ceil(size / MOST_PARTS / MIB) * MIB);
}

/** What proves an object. */
export interface Digest {
  /** SHA-256 (hex) of all its bytes. */
  sha256: string;
  /**
   * The same as S3 says it: base64; of an object in parts the SHA-256 of the parts' SHA-256, and `-` and how many they are
   * (Amazon S3, "Checking object integrity", composite checksums).
   */
  checksum: string;
}

/** Takes in the bytes of an object that has, or will have, `size` of them. */
export class ObjectDigest {
  readonly #partBytes: number;
  readonly #whole = createHash('sha256');
  readonly #ofParts = createHash('sha256');
  #part = createHash('sha256');
  #inPart = 0;
  #parts = 0;
  readonly #size: number;
  /** Bytes so far. */
  bytes = 0;

  constructor(size: number) {
    this.#size = size;
    this.#partBytes = partBytes(size);
  }

  update(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.#whole.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + this.#partBytes - this.#inPart);
      this.#part.update(piece);
      this.#inPart += piece.length;
      at += piece.length;
      if (this.#inPart === this.#partBytes) this.#endPart();
    }
  }

  digest(): Digest {
    const sha256 = this.#whole.digest();
    if (this.#size <= this.#partBytes)
      return { sha256: sha256.toString('hex'), checksum: sha256.toString('base64') };
    if (this.#inPart > 0) this.#endPart();
    return { sha256: sha256.toString('hex'), checksum: `${this.#ofParts.digest('base64')}-${this.#parts}` };
  }

  #endPart(): void {
    this.#ofParts.update(this.#part.digest());
    this.#part = createHash('sha256');
    this.#inPart = 0;
    this.#parts++;
  }
}

/** What proves a file, as an object. */
export async function digestOf(path: string): Promise<{ size: number; digest: Digest }> {
  const { size } = await stat(path);
  const digest = new ObjectDigest(size);
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) digest.update(chunk);
  return { size, digest: digest.digest() };
}
