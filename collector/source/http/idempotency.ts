import { createHash } from 'node:crypto';
import { Problem } from '../../../base/http/problem.ts';

/** What a request was answered with. */
export interface Answer {
  code: number;
  body: object;
}

interface Kept {
  /** Of the body, and of what it was sent to. */
  hash: string;
  at: number;
  answer: Promise<Answer>;
  /** What it takes to keep it; undefined as long as it is not settled. */
  bytes?: number;
}

const MOST_KEYS = 10_000;
const MOST_BYTES = 16 * 1024 * 1024;
const KEPT_MS = 24 * 60 * 60_000;
/** About what an entry takes beside its answer. */
const ENTRY_BYTES = 500;

/**
 * Answers to requests with an Idempotency-Key, so that the same request sent again gets the same answer and records
 * nothing. Kept for a day, in bounded memory, and not across a restart: there the key (sensor_id, time) absorbs duplicates.
 */
export class Answers {
  /** In the order in which they came. */
  readonly #kept = new Map<string, Kept>();
  readonly #now: () => number;
  #bytes = 0;

  /** @param now ms since 1970; a parameter so that tests can set the clock. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /**
   * Does the work, unless the same client has had it done under this key; also while that is still in flight.
   * @param client who asks: keys of different clients have nothing to do with each other.
   * @throws {Problem} 422 where the key was used for something else; whatever the work throws, which is not kept.
   */
  once(client: string, key: string, request: string, body: Buffer, work: () => Promise<Answer>) {
    this.#forgetOld();
    const name = `${client} ${key}`;
    const hash = createHash('sha256').update(`${request}\n`).update(body).digest('base64');
    const known = this.#kept.get(name);
    if (known === undefined) return this.#first(name, hash, work);
    if (known.hash === hash) return known.answer;
    throw new Problem(422, 'This Idempotency-Key was used with another request.');
  }

  async #first(name: string, hash: string, work: () => Promise<Answer>): Promise<Answer> {
    const entry: Kept = { hash, at: this.#now(), answer: work() };
    this.#kept.set(name, entry);
    try {
      const answer = await entry.answer;
      entry.bytes = ENTRY_BYTES + name.length + JSON.stringify(answer.body).length;
      this.#bytes += entry.bytes;
      return answer;
    } catch (error) {
      this.#kept.delete(name);
      throw error;
    }
  }

  /** From the oldest on. What is not settled stays: its sender may ask again at any moment. */
  #forgetOld(): void {
    const expired = this.#now() - KEPT_MS;
    for (const [name, { at, bytes }] of this.#kept) {
      if (at >= expired && this.#kept.size < MOST_KEYS && this.#bytes < MOST_BYTES) return;
      if (bytes === undefined) continue;
      this.#kept.delete(name);
      this.#bytes -= bytes;
    }
  }
}
