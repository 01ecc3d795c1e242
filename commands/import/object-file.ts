import { buffer } from 'node:stream/consumers';
import type { ObjectStoreError } from '../../base/objects/error.ts';
import type { ObjectHead, ObjectStore } from '../../base/objects/object-store.ts';
import { FileFlaw } from './rows.ts';
import type { SourceFile } from './source-file.ts';

/** An object of object storage. */
export class ObjectFile implements SourceFile {
  readonly name: string;
  readonly bytes: number;
  readonly #store: ObjectStore;
  readonly #key: string;
  #head: ObjectHead | undefined;

  constructor(store: ObjectStore, key: string, bytes: number) {
    this.name = store.url(key);
    this.bytes = bytes;
    this.#store = store;
    this.#key = key;
  }

  /** Its ETag, which changes with its content. */
  async identity(): Promise<string> {
    const { etag, size } = await this.#known();
    return `etag:${etag} ${size}`;
  }

  async *read(): AsyncGenerator<Buffer> {
    try {
      yield* this.#store.read(this.#key, await this.#known());
    } catch (error) {
      throw ofObject(error);
    }
  }

  async range(from: number, to: number): Promise<Buffer> {
    return buffer(this.#store.read(this.#key, await this.#known(), from, to));
  }

  async #known(): Promise<ObjectHead> {
    try {
      this.#head ??= await this.#store.head(this.#key);
    } catch (error) {
      throw ofObject(error);
    }
    if (this.#head === undefined) throw new FileFlaw(undefined, 'there is no such object any more');
    return this.#head;
  }
}

/** What the server refuses is the fault of this object, others may be well; a server that is away ends the import. */
function ofObject(error: unknown): unknown {
  const { status, message } = error as ObjectStoreError;
  return status !== undefined && status >= 400 && status < 500 ? new FileFlaw(undefined, message) : error;
}
