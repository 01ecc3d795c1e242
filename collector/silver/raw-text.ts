import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type RawLine, splitLines } from '../bronze/line-reader.ts';
import { compressedPath } from '../bronze/raw-file-name.ts';

const PIECE_BYTES = 64 * 1024;
const LF = 0x0a;

/**
 * The text of a raw file, plain or compressed, to be read at any place. Synchronous, as the loader's thread has nothing else
 * to do meanwhile. A file that is not there is empty.
 */
export class RawText {
  /** Of the plain form. */
  readonly path: string;
  #descriptor: number | undefined;
  /** The whole of a compressed one. */
  #text: Buffer | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** In bytes. @throws errors of the disk. */
  get length(): number {
    if (this.#descriptor === undefined && this.#text === undefined) this.#open();
    if (this.#text !== undefined) return this.#text.length;
    return this.#descriptor === undefined ? 0 : fstatSync(this.#descriptor).size;
  }

  /** Bytes `from` to `to`, as far as the file goes. */
  read(from: number, to: number): Buffer {
    const end = Math.min(to, this.length);
    if (this.#text !== undefined) return this.#text.subarray(from, end);
    const bytes = Buffer.allocUnsafe(Math.max(0, end - from));
    let filled = 0;
    while (filled < bytes.length) {
      const read = readSync(this.#descriptor!, bytes, filled, bytes.length - filled, from + filled);
      if (read === 0) break;
      filled += read;
    }
    return bytes.subarray(0, filled);
  }

  /**
   * Hands on the lines before a byte, the last one first, until `take` says false.
   * @param end the end of a line. @returns whether it has come to the beginning of the file.
   */
  linesBackFrom(end: number, take: (line: RawLine) => boolean): boolean {
    for (let to = Math.min(end, this.length), size = PIECE_BYTES; to > 0; ) {
      const from = Math.max(0, to - size);
      const piece = this.read(from, to);
      // The first line of the piece has begun before it, unless the file begins there.
      const skipped = from === 0 ? 0 : piece.indexOf(LF) + 1;
      if (from > 0 && (skipped === 0 || skipped === piece.length)) {
        size *= 4;
        continue;
      }
      for (const line of splitLines(piece.subarray(skipped), from + skipped).reverse()) {
        if (!take(line)) return false;
      }
      to = from + skipped;
      size = PIECE_BYTES;
    }
    return true;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    this.#text = undefined;
  }

  #open(): void {
    try {
      this.#descriptor = openSync(this.path, 'r');
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    try {
      this.#text = gunzipSync(readFileSync(compressedPath(this.path)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
