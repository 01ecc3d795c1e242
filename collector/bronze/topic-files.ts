import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { type Micros, utcDate } from '../../base/time.ts';
import { readEnvelope } from '../payload/envelope.ts';
import { MAX_PAYLOAD_BYTES } from '../payload/reading.ts';
import type { FileNames } from './file-names.ts';
import { type RawFileName, safeName } from './raw-file-name.ts';
import type { FolderEntry } from './raw-folder.ts';

/** Unbounded topics must not fill the memory. */
const MOST_TOPICS = 50_000;
/** Enough for the longest line, whose payload may stand there in base64. */
const TAIL_BYTES = 2 * MAX_PAYLOAD_BYTES;

/** What a topic said last. */
export interface Last {
  /** Of the payload; empty: nothing is known. */
  digest: string;
  arrival: Micros;
}

const NOTHING: Last = { digest: '', arrival: 0 };

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
  /** What topics said last in files of hours, as far as anybody may ask for it. */
  readonly #ofHours = new LRUCache<string, Last>({ max: MOST_TOPICS });

  constructor(dataDir: string, names: FileNames) {
    this.#dataDir = dataDir;
    this.#names = names;
  }

  /** Forgets everything. */
  forget(): void {
    this.#files.clear();
    this.#newest.clear();
    this.#ofHours.clear();
  }

  /** Takes the newest file of each topic from what the raw folder holds. */
  learn(entries: readonly FolderEntry[]): void {
    for (const { name } of entries) if (name.holdsEnvelopes && !name.isOfHour) this.#noteFile(name);
  }

  /** Takes what topics said last in files of hours. */
  learnOfHours(ofHours: Iterable<[string, Last]>): void {
    for (const [topic, last] of ofHours) this.#ofHours.set(topic, last);
  }

  /** What topics said last in files of hours. */
  ofHours(): Iterable<[string, Last]> {
    return this.#ofHours.entries();
  }

  /** The file of a message, as a path below the data folder. */
  pathOf(topic: string, arrival: Micros): string {
    const date = utcDate(arrival);
    const known = this.#files.get(topic);
    if (known?.date === date) return known.path;
    const name = this.#names.ofMessage(topic, arrival);
    if (name.isOfHour) return name.path;
    this.#noteFile(name);
    this.#files.set(topic, { date, path: name.path, digest: known?.digest });
    return name.path;
  }

  /**
   * Takes in what was recorded in a file of an hour: nobody could find it there again. To be called for topics that
   * `isLast` may be asked of.
   */
  noteInHour(topic: string, payload: Buffer, arrival: Micros): void {
    this.#ofHours.set(topic, { digest: digestOf(payload), arrival });
  }

  /** Takes in what was recorded in the topic's own file. To be called after `pathOf`. */
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
    const known = this.#files.get(topic)?.digest;
    if (known !== undefined) return known === digestOf(payload);
    const last = this.#last(topic);
    this.pathOf(topic, arrival);
    const file = this.#files.get(topic);
    if (file !== undefined) file.digest = last.digest;
    else {
      // Recorded by hours, its own file says nothing more.
      this.#newest.delete(partitionOf(topic));
      this.#ofHours.set(topic, last);
    }
    return last.digest === digestOf(payload);
  }

  #noteFile(name: RawFileName): void {
    const { partition } = name;
    const known = this.#newest.get(partition);
    if (known === undefined ? this.#newest.size < MOST_TOPICS : known.key < name.key) {
      this.#newest.set(partition, name);
    }
  }

  /** @returns NOTHING where nothing is known: what cannot be told apart is taken, twice being better than never. */
  #last(topic: string): Last {
    const [own, ofHours] = [this.#lastInOwnFile(topic), this.#ofHours.get(topic) ?? NOTHING];
    return own.arrival > ofHours.arrival ? own : ofHours;
  }

  #lastInOwnFile(topic: string): Last {
    const name = this.#newest.get(partitionOf(topic));
    if (name === undefined) return NOTHING;
    try {
      const envelope = readEnvelope(lastLineOf(join(this.#dataDir, name.path)));
      if (typeof envelope === 'string') return NOTHING;
      return { digest: digestOf(envelope.payload), arrival: envelope.arrival };
    } catch {
      return NOTHING;
    }
  }
}

function partitionOf(topic: string): string {
  return `@${safeName(topic)}`;
}

/** Tells payloads apart: SHA-256. */
export function digestOf(payload: Buffer): string {
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
