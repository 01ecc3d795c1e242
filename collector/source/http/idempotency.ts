import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Problem } from '../../../base/http/problem.ts';

/** What a request was answered with. */
export interface Answer {
  code: number;
  body: object;
}

interface Known {
  /** Of the body, and of what it was sent to. */
  hash: string;
  answer: Promise<Answer>;
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
  /** Never forgotten before they are settled: their senders may ask again at any moment. */
  readonly #inFlight = new Map<string, Known>();
  readonly #settled: LRUCache<string, Known>;

  /** @param now ms since 1970; a parameter so that tests can set the clock. */
  constructor(now: () => number = Date.now) {
    this.#settled = new LRUCache({
      max: MOST_KEYS,
      maxSize: MOST_BYTES,
      ttl: KEPT_MS,
      ttlResolution: 0,
      perf: { now },
    });
  }

  /**
   * Does the work, unless the same client has had it done under this key; also while that is still in flight.
   * @param client who asks: keys of different clients have nothing to do with each other.
   * @throws {Problem} 422 where the key was used for something else; whatever the work throws, which is not kept.
   */
  once(client: string, key: string, request: string, body: Buffer, work: () => Promise<Answer>) {
    const name = `${client} ${key}`;
    const hash = createHash('sha256').update(`${request}\n`).update(body).digest('base64');
    const known = this.#inFlight.get(name) ?? this.#settled.get(name);
    if (known === undefined) return this.#first(name, hash, work);
    if (known.hash === hash) return known.answer;
    throw new Problem(422, 'This Idempotency-Key was used with another request.');
  }

  async #first(name: string, hash: string, work: () => Promise<Answer>): Promise<Answer> {
    const known: Known = { hash, answer: work() };
    this.#inFlight.set(name, known);
    try {
      const answer = await known.answer;
      const size = ENTRY_BYTES + name.length + JSON.stringify(answer.body).length;
      this.#settled.set(name, known, { size });
      return answer;
    } finally {
      this.#inFlight.delete(name);
    }
  }
}
