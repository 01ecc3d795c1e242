import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { type Micros, utcDate } from '../../base/time.ts';
import { readEnvelope } from '../payload/envelope.ts';
import { MAX_PAYLOAD_BYTES } from '../payload/reading.ts';
import type { FileNames } from './file-names.ts';
import { RawFileName, safeName } from './raw-file-name.ts';
import type { ListedFile } from './raw-folder.ts';

/** Unbounded topics must not fill the memory. */
const MOST_TOPICS = 50_000;
/** Enough for the longest line, whose payload may stand there in base64. */
const TAIL_BYTES = 2 * MAX_PAYLOAD_BYTES;

/** The file that a topic's messages go to at present. */
interface TopicFile {
  /** The UTC date of its messages. */
  date: string;
  /** Below the data folder. */
  path: string;
  /** Of the last payload; undefined while nobody has asked for it. */
  digest: string | undefined;
}

/**
 * The raw files of topics, and what was recorded last of each. A broker sends what it has kept with every new subscription;
 * where such a message has no time of its own, only the last one tells whether it is new.
 */
export class TopicFiles {
  readonly #dataDir: string;
  readonly #names: FileNames;
  readonly #files = new LRUCache<string, TopicFile>({ max: MOST_TOPICS });
  /** The newest file of each topic, by its partition. */
  readonly #newest = new Map<string, RawFileName>();

  constructor(dataDir: string, names: FileNames) {
    this.#dataDir = dataDir;
    this.#names = names;
  }

  /** Forgets everything, and takes the newest file of each topic from the raw folder. */
  learn(files: Iterable<ListedFile>): void {
    this.#files.clear();
    this.#newest.clear();
    for (const { name } of files) if (name.isOfTopic) this.#noteFile(name);
  }

  /** The file of a message, as a path below the data folder. */
  pathOf(topic: string, arrival: Micros): string {
    const date = utcDate(arrival);
    const known = this.#files.get(topic);
    if (known?.date === date) return known.path;
    const name = this.#names.resolve(RawFileName.ofMessage(topic, arrival), topic);
    this.#noteFile(name);
    this.#files.set(topic, { date, path: name.path, digest: known?.digest });
    return name.path;
  }

  /** Takes in what was recorded. To be called after `pathOf`. */
  note(topic: string, payload: Buffer): void {
    const file = this.#files.get(topic);
    // Most topics have no message that the broker had kept: what they said last is read when it is asked for.
    if (file?.digest !== undefined) file.digest = digestOf(payload);
  }

  /**
   * Whether a payload is the one that was recorded last of its topic. Reads it from the raw file, synchronously, the first
   * time: a message that the broker had kept comes once with a subscription.
   * @param arrival of this message.
   */
  isLast(topic: string, payload: Buffer, arrival: Micros): boolean {
    let file = this.#files.get(topic);
    if (file?.digest === undefined) {
      const digest = this.#lastDigest(topic);
      this.pathOf(topic, arrival);
      file = this.#files.get(topic)!;
      file.digest = digest;
    }
    return file.digest === digestOf(payload);
  }

  #noteFile(name: RawFileName): void {
    const { partition } = name;
    const known = this.#newest.get(partition);
    if (known === undefined ? this.#newest.size < MOST_TOPICS : known.key < name.key) {
      this.#newest.set(partition, name);
    }
  }

  /** @returns '' where nothing is known: what cannot be told apart is taken, twice being better than never. */
  #lastDigest(topic: string): string {
    const name = this.#newest.get(`@${safeName(topic)}`);
    if (name === undefined) return '';
    try {
      const envelope = readEnvelope(lastLineOf(join(this.#dataDir, name.path)));
      return typeof envelope === 'string' ? '' : digestOf(envelope.payload);
    } catch {
      return '';
    }
  }
}

function digestOf(payload: Buffer): string {
  return createHash('sha256').update(payload).digest('base64');
}

/** The last line of a file, without its line end; empty where there is none. */
function lastLineOf(path: string): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const bytes = readSync(descriptor, tail, 0, tail.length, size - tail.length);
    const whole = tail.subarray(0, Math.max(0, tail.lastIndexOf(0x0a, bytes - 1)));
    return whole.subarray(whole.lastIndexOf(0x0a) + 1);
  } finally {
    closeSync(descriptor);
  }
}
