import type { ClientBase } from 'pg';
import { readWrittenTopics } from '../payload/configured-topics.ts';
import { type DecodedFrom, readDecodedWith, readKeptTopics } from './decoded-with.ts';
import { LineDecoder, type LineDecoderOptions } from './line-decoder.ts';

/** Decodes lines as they were decoded when they were loaded, with the topics file of that time. */
export class PastDecoders {
  readonly #present: LineDecoder;
  readonly #byHash: ReadonlyMap<string, LineDecoder>;
  readonly #files: ReadonlyMap<string, DecodedFrom[]>;

  private constructor(
    present: LineDecoder,
    byHash: ReadonlyMap<string, LineDecoder>,
    files: ReadonlyMap<string, DecodedFrom[]>,
  ) {
    this.#present = present;
    this.#byHash = byHash;
    this.#files = files;
  }

  /** @param options of the present decoder. @param zone SENSOR_TIMEZONE. */
  static async load(
    client: ClientBase,
    collector: string,
    options: LineDecoderOptions,
    zone: string,
  ): Promise<PastDecoders> {
    const present = new LineDecoder(options);
    const byHash = new Map<string, LineDecoder>();
    for (const [hash, text] of await readKeptTopics(client)) {
      if (hash !== options.topics.hash)
        byHash.set(hash, new LineDecoder({ ...options, topics: readWrittenTopics(text, zone) }));
    }
    return new PastDecoders(present, byHash, await readDecodedWith(client, collector));
  }

  /** What decodes a line of a file. @param start where it begins. */
  at(path: string, start: number): LineDecoder {
    const decoded = this.#files.get(path)?.findLast(({ from }) => from <= start);
    return (decoded && this.#byHash.get(decoded.hash)) ?? this.#present;
  }

  /** Whether lines of a file were decoded with another topics file than the present one. */
  hasPast(path: string): boolean {
    return this.#files.get(path)?.some(({ hash }) => this.#byHash.has(hash)) ?? false;
  }
}
