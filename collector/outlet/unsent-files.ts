import { LRUCache } from 'lru-cache';
import { MOST_UNSENT, type Unsent } from './offsets.ts';

/** Of so many files that are sent it is known how far; of others the database is asked when they grow. */
const MOST_SENT = 50_000;

/**
 * The raw files that are loaded and not sent yet, oldest day first; within a day they take turns, so that one that grows fast
 * does not hold up the others. Holds offsets, never lines, and no more than MOST_UNSENT files.
 */
export class UnsentFiles {
  readonly #days = new Map<string, Map<string, Unsent>>();
  readonly #sent = new LRUCache<string, number>({ max: MOST_SENT });
  /** Files that have grown, of which it is not known how far they are sent. */
  readonly #unknown = new Map<string, number>();
  #count = 0;
  /** There may be more than is known here: to be looked up when this is sent. */
  isPartial = false;

  /** Loaded bytes that are not sent, as far as is known. */
  get bytes(): number {
    let sum = 0;
    for (const files of this.#days.values())
      for (const { loaded, sent } of files.values()) sum += loaded - sent;
    return sum;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Forgets everything, and begins with these. */
  reset(unsent: readonly Unsent[]): void {
    this.#days.clear();
    this.#sent.clear();
    this.#unknown.clear();
    this.#count = 0;
    this.isPartial = unsent.length === MOST_UNSENT;
    for (const file of unsent) this.#put({ ...file });
  }

  /** Notes that a file is loaded up to a byte. */
  grow(path: string, loaded: number): void {
    const file = this.#days.get(dayOf(path))?.get(path);
    if (file !== undefined) {
      file.loaded = Math.max(file.loaded, loaded);
      return;
    }
    // What is not known is found when the rest is sent.
    if (this.isPartial) return;
    if (this.#count + this.#unknown.size >= MOST_UNSENT) {
      this.isPartial = true;
      return;
    }
    const sent = this.#sent.get(path);
    if (sent === undefined) this.#unknown.set(path, loaded);
    else if (loaded > sent) this.#put({ path, sent, loaded });
  }

  /** Files of which it has to be asked how far they are sent. */
  get unknown(): string[] {
    return [...this.#unknown.keys()];
  }

  /** Says how far they are sent. */
  learn(sent: ReadonlyMap<string, number>): void {
    for (const [path, bytes] of sent) {
      const loaded = this.#unknown.get(path);
      if (loaded === undefined) continue;
      this.#unknown.delete(path);
      this.#sent.set(path, bytes);
      this.grow(path, loaded);
    }
  }

  /** The files of the oldest day, in the order in which they are to be served. */
  *next(): Generator<Readonly<Unsent>> {
    let oldest: string | undefined;
    for (const day of this.#days.keys()) if (oldest === undefined || day < oldest) oldest = day;
    if (oldest !== undefined) yield* [...this.#days.get(oldest)!.values()];
  }

  /** Notes that a file is sent up to a byte; what is left of it takes its turn behind the others. */
  advance(path: string, sent: number): void {
    const file = this.#days.get(dayOf(path))?.get(path);
    this.#remove(path);
    this.#sent.set(path, sent);
    if (file !== undefined && file.loaded > sent) this.#put({ ...file, sent });
  }

  /** Notes that nothing more of a file can be sent. */
  drop(path: string): void {
    const file = this.#days.get(dayOf(path))?.get(path);
    if (file !== undefined) this.advance(path, file.loaded);
  }

  #put(file: Unsent): void {
    const day = dayOf(file.path);
    let files = this.#days.get(day);
    if (files === undefined) {
      files = new Map();
      this.#days.set(day, files);
    }
    if (!files.has(file.path)) this.#count++;
    files.set(file.path, file);
  }

  #remove(path: string): void {
    const day = dayOf(path);
    const files = this.#days.get(day);
    if (files?.delete(path)) this.#count--;
    if (files?.size === 0) this.#days.delete(day);
  }
}

function dayOf(path: string): string {
  return path.slice(0, 10);
}
