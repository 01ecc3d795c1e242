import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type RawLine, readLines, splitLines } from '../bronze/line-reader.ts';
import { type LinePiece, streamLines } from '../bronze/line-stream.ts';
import { compressedPath } from '../bronze/raw-file-name.ts';

/** A raw file that is not there, in neither form. */
export class RawFileGoneError extends Error {
  readonly path: string;
  constructor(path: string) {
    super(`the raw file ${path} is not there any more`);
    this.name = 'RawFileGoneError';
    this.path = path;
  }
}

/** Reads lines of raw files from any place, plain or compressed. Of a compressed one it keeps its place between two calls. */
export class FileLines {
  readonly #folder: string;
  #compressed: CompressedLines | undefined;

  /** @param folder of the raw files. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whole lines of a file from byte `from` on, about `mostBytes` of them and at least one, none beyond `to`. @throws {RawFileGoneError} */
  async read(path: string, from: number, to: number, mostBytes: number): Promise<RawLine[]> {
    const file = join(this.#folder, path);
    try {
      return splitLines(readLines(file, from, to, mostBytes), from);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (!existsSync(compressedPath(file))) throw new RawFileGoneError(path);
    if (this.#compressed?.isAt(path, from) !== true) {
      await this.close();
      this.#compressed = new CompressedLines(path, compressedPath(file));
    }
    return await this.#compressed!.read(from, to);
  }

  async close(): Promise<void> {
    await this.#compressed?.close();
    this.#compressed = undefined;
  }
}

/** A compressed file that is read onwards. */
class CompressedLines {
  readonly #path: string;
  readonly #pieces: AsyncGenerator<LinePiece>;
  #piece: LinePiece | undefined;
  #position = 0;

  constructor(path: string, file: string) {
    this.#path = path;
    this.#pieces = streamLines(file, 'skip');
  }

  /** Whether it can go on at a place: it cannot go back. */
  isAt(path: string, from: number): boolean {
    return path === this.#path && from >= this.#position;
  }

  async read(from: number, to: number): Promise<RawLine[]> {
    for (;;) {
      const piece = this.#piece;
      if (piece !== undefined && piece.start + piece.bytes.length > from) {
        this.#position = piece.start;
        const lines = splitLines(piece.bytes.subarray(from - piece.start), from);
        return lines.filter(({ end }) => end <= to);
      }
      const { done, value } = await this.#pieces.next();
      if (done) return [];
      this.#piece = value;
    }
  }

  async close(): Promise<void> {
    await this.#pieces.return(undefined);
  }
}
