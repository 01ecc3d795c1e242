import type { Rejection } from '../message.ts';

const NEWLINE = Buffer.from('\n');

/**
 * Messages that become durable together. All or none: when one file fails, the whole group is cut from every file, so
 * that acknowledging it never means picking some messages out of an ordered stream.
 */
export class Group {
  /** Lines by file; the files' names are relative to the data folder. */
  readonly files = new Map<string, Lines>();
  /** Sum of the payloads, in bytes. */
  payloadBytes = 0;
  recorded = 0;
  readonly rejected = new Map<Rejection, number>();
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

  add(file: string, line: Buffer): void {
    let lines = this.files.get(file);
    if (lines === undefined) {
      lines = { parts: [], count: 0 };
      this.files.set(file, lines);
    }
    lines.parts.push(line, NEWLINE);
    lines.count++;
  }

  /** How many messages the group holds. */
  get size(): number {
    let rejected = 0;
    for (const count of this.rejected.values()) rejected += count;
    return this.recorded + rejected;
  }
}

interface Lines {
  /** Lines and line ends by turns. */
  parts: Buffer[];
  count: number;
}
