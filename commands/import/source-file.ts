import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { errorText } from '../../base/errors.ts';
import { FileFlaw } from './rows.ts';

/** So much of a file is read at once. */
const CHUNK_BYTES = 512 * 1024;

/** A file that measurements come from, wherever it is. */
export interface SourceFile {
  /** As people call it: a path, or `s3://bucket/key`. */
  readonly name: string;
  readonly bytes: number;
  /** Tells its content from every other: the same for a copy of it, another one once it has changed. */
  identity(): Promise<string>;
  read(): AsyncIterable<Buffer>;
  /** Some of its bytes: `from` ≤ place < `to`. */
  range(from: number, to: number): Promise<Buffer>;
}

/** A file of this machine. */
export class LocalFile implements SourceFile {
  readonly name: string;
  readonly bytes: number;

  constructor(path: string, bytes: number) {
    this.name = path;
    this.bytes = bytes;
  }

  async identity(): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of this.read()) hash.update(chunk);
    return `sha256:${hash.digest('hex')}`;
  }

  /** What is appended meanwhile is left for the next time. @throws {FileFlaw} where it cannot be read. */
  async *read(): AsyncGenerator<Buffer> {
    if (this.bytes === 0) return;
    try {
      yield* createReadStream(this.name, { highWaterMark: CHUNK_BYTES, end: this.bytes - 1 });
    } catch (error) {
      throw unreadable(error);
    }
  }

  async range(from: number, to: number): Promise<Buffer> {
    try {
      await using handle = await open(this.name);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(to - from), 0, to - from, from);
      return buffer.subarray(0, bytesRead);
    } catch (error) {
      throw unreadable(error);
    }
  }
}

/** What a folder names and nobody can read: a link to nothing, or to itself. */
export class UnreadableFile implements SourceFile {
  readonly name: string;
  readonly bytes = 0;
  readonly #error: unknown;

  constructor(path: string, error: unknown) {
    this.name = path;
    this.#error = error;
  }

  identity(): Promise<never> {
    return Promise.reject(unreadable(this.#error));
  }

  // biome-ignore lint/correctness/useYield: it fails before it has anything to yield.
  async *read(): AsyncGenerator<Buffer> {
    throw unreadable(this.#error);
  }

  range(): Promise<never> {
    return Promise.reject(unreadable(this.#error));
  }
}

function unreadable(error: unknown): FileFlaw {
  return new FileFlaw(undefined, `it cannot be read: ${errorText(error)}`);
}
