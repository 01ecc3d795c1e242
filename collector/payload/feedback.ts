import { performance } from 'node:perf_hooks';

/** How long a topic that something was published to is left alone. */
const QUIET_MS = 60_000;
/** Topics can be made up endlessly: the oldest is forgotten. */
const MOST_TOPICS = 10_000;

/** Publishes over the collector's connection, with QoS 0. @returns false where there is none. */
export type Publish = (topic: string, payload: Buffer) => boolean;

/**
 * What formats notice while messages are recorded, and ask of the senders. Only the recorder's formats have it: nobody is
 * asked for anything because a message is decoded again.
 */
export class Feedback {
  /** Messages that did not come, as far as sequence numbers tell, by entry of the topics file. */
  readonly missing = new Map<string, number>();
  /** Messages that were published. */
  published = 0;
  #publish: Publish = () => false;
  /** When something was last published, by topic. */
  readonly #publishedAt = new Map<string, number>();

  /** Publishes by this from now on; before, nothing is published. */
  publishBy(publish: Publish): void {
    this.#publish = publish;
  }

  /** Takes note of messages that are missing. */
  noteMissing(entry: string, count: number): void {
    this.missing.set(entry, (this.missing.get(entry) ?? 0) + count);
  }

  /** Publishes a request, at most once a minute to each topic: a sender that cannot follow it is not asked again and again. */
  request(topic: string, payload: () => Buffer): void {
    const last = this.#publishedAt.get(topic);
    const now = performance.now();
    if ((last !== undefined && now - last < QUIET_MS) || !this.#publish(topic, payload())) return;
    this.published++;
    this.#publishedAt.delete(topic);
    this.#publishedAt.set(topic, now);
    if (this.#publishedAt.size > MOST_TOPICS)
      this.#publishedAt.delete(this.#publishedAt.keys().next().value!);
  }
}
