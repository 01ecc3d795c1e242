import { EntryCounts } from '../payload/entry-counts.ts';
import type { LateCheck } from './sensor-watermarks.ts';

const LF = 0x0a;
/** Room for a few lines: with many sensors a group has few of each. */
const FIRST_BYTES = 512;
/** Memory that is used again, rather than left to the garbage collector, which sees little reason to hurry. */
const MOST_SPARE_BYTES = 8 * 1024 * 1024;

/**
 * Messages that become durable together. All or none: when one file fails, the whole group is cut from every file, so
 * that acknowledging it never means picking some messages out of an ordered stream.
 */
export class Group {
  /** Lines by file; the files' names are relative to the data folder. */
  readonly files = new Map<string, Lines>();
  /** Sum of the payloads, in bytes. */
  payloadBytes = 0;
  /** The clock when the first message came, in ms since 1970; 0 before. */
  clock = 0;
  recorded = 0;
  /** Messages that the topics file says not to record. */
  ignored = 0;
  readonly rejected = new EntryCounts();
  /** Recorded messages by the name of their entry; those of plain messages are the rest. */
  readonly taken = new Map<string, number>();
  /** Lines that may need a mark. */
  readonly lateChecks: LateCheck[] = [];
  /** Resolves when every message of the group is on disk; rejects when none of them counts. */
  readonly durable: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.durable = promise;
    this.resolve = resolve;
    this.reject = reject;
    // Whoever asks gets the error; a group that nobody asked about must not end the process.
    promise.catch(() => undefined);
  }

  /** A group that nothing was put into, because nothing can be recorded. */
  static rejected(error: Error): Group {
    const group = new Group();
    group.reject(error);
    return group;
  }

  /** Adds a copy of a line; `line` comes without its line end. */
  add(file: string, line: Buffer): void {
    let lines = this.files.get(file);
    if (lines === undefined) {
      lines = takeSpare() ?? new Lines();
      this.files.set(file, lines);
    }
    lines.add(line);
  }

  /** Gives the memory of the lines to the groups that follow. */
  release(): void {
    for (const lines of this.files.values()) {
      lines.clear();
      if (spareBytes + lines.capacity > MOST_SPARE_BYTES) continue;
      spareBytes += lines.capacity;
      spare.push(lines);
    }
    this.files.clear();
  }

  /** How many messages the group holds. */
  get size(): number {
    return this.recorded + this.rejected.total;
  }
}

/** Lines for one file, in one piece of memory that grows. */
class Lines {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;
  count = 0;

  add(line: Buffer): void {
    const length = this.#length + line.length + 1;
    if (length > this.#buffer.length) this.#grow(length);
    line.copy(this.#buffer, this.#length);
    this.#buffer[length - 1] = LF;
    this.#length = length;
    this.count++;
  }

  clear(): void {
    this.#length = 0;
    this.count = 0;
  }

  /** Bytes of memory that it holds. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** All lines with their line ends. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(least: number): void {
    const larger = Buffer.allocUnsafe(Math.max(least, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

const spare: Lines[] = [];
let spareBytes = 0;

function takeSpare(): Lines | undefined {
  const lines = spare.pop();
  spareBytes -= lines?.capacity ?? 0;
  return lines;
}
