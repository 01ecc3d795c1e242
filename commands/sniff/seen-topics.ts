import type { Message, Verdict } from './message.ts';
import { wordIn } from './states.ts';

/** What has been seen of a topic. */
export interface SeenTopic {
  topic: string;
  messages: number;
  bytes: number;
  first: number;
  last: Message;
  verdict: Verdict;
  /** A few different payloads, the newest last. */
  samples: Buffer[];
  /** The first few different payloads that are words, such as ON and OFF. */
  words: string[];
}

/** Topics can be made up endlessly. */
const MOST_TOPICS = 10_000;
const SAMPLES = 3;
const WORDS = 8;

/** The topics that have been seen, in the order of their first message. */
export class SeenTopics {
  readonly #topics = new Map<string, SeenTopic>();
  /** Messages of topics beyond those that are remembered. */
  others = 0;

  add(message: Message, verdict: Verdict): void {
    const seen = this.#topics.get(message.topic);
    if (seen !== undefined) {
      seen.messages++;
      seen.bytes += message.payload.length;
      seen.last = message;
      seen.verdict = verdict;
      // What is empty clears a retained message, and says nothing of the form of others.
      if (message.payload.length > 0 && !seen.samples.some(sample => sample.equals(message.payload))) {
        seen.samples = [...seen.samples, message.payload].slice(-SAMPLES);
        const word = wordIn(message.payload);
        if (word !== undefined && seen.words.length < WORDS && !seen.words.includes(word))
          seen.words.push(word);
      }
    } else if (this.#topics.size >= MOST_TOPICS) this.others++;
    else {
      const { topic, payload, arrival } = message;
      const samples = payload.length === 0 ? [] : [payload];
      const word = wordIn(payload);
      this.#topics.set(topic, {
        topic,
        messages: 1,
        bytes: payload.length,
        first: arrival,
        last: message,
        verdict,
        samples,
        words: word === undefined ? [] : [word],
      });
    }
  }

  get all(): SeenTopic[] {
    return [...this.#topics.values()];
  }
}
