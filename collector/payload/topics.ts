import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Zone } from '../../base/time.ts';
import type { Decoder } from './decoder.ts';
import { PLAIN } from './entry-counts.ts';
import { covers, type Filter } from './filter.ts';
import { FilterTrie } from './filter-trie.ts';
import { SluiceDecoder } from './sluice-decoder.ts';

/** What is done with the messages of a filter's topics. */
export interface TopicEntry {
  /** The filter as it is written; unique, so that what becomes of messages can be counted by it. */
  readonly name: string;
  /** Whether messages are neither recorded nor decoded. */
  readonly ignore: boolean;
  readonly decoder: Decoder;
  /**
   * Whether messages are recorded in an envelope (envelope.ts), in a raw file of their topic, before anybody understands
   * them; otherwise they are plain messages: decoded when they come, recorded as they stand in their sensor's raw file.
   */
  readonly hasEnvelope: boolean;
  /** What to do with messages that the broker had kept (RETAIN set): those of before are not new readings. */
  readonly retained: 'skip' | 'take';
  /** Whether all readings have a time that the message names; otherwise some have that of its arrival. */
  readonly hasOwnTime: boolean;
}

/** Topics that are remembered with their entries. Unbounded topics must not fill the memory. */
const MOST_TOPICS = 50_000;

/** Which topics to take, and what their messages mean. */
export class Topics {
  readonly #entries: readonly TopicEntry[];
  readonly #trie = new FilterTrie();
  readonly #found = new LRUCache<string, { entry: TopicEntry | undefined }>({ max: MOST_TOPICS });
  /** To subscribe to: none of them is covered by another, as a broker may deliver what two match twice. */
  readonly filters: readonly string[];
  /** What it was made from; `readTopics` makes the same of it, in another thread or years later. */
  readonly text: string;
  /** SHA-256 of the text, in hexadecimal digits. */
  readonly hash: string;
  /** The entry of whatever does not come by a topic: plain messages. */
  readonly plain: TopicEntry;
  /** The entry of all topics, where there is no topics file: nobody needs to look at the topic. */
  readonly only: TopicEntry | undefined;

  /**
   * @param entries with their filters; the first that matches decides.
   * @param zone of plain messages whose dt names no offset.
   */
  constructor(entries: readonly (TopicEntry & { filter: Filter })[], text: string, zone: Zone, only = false) {
    this.#entries = entries;
    for (const { filter } of entries) this.#trie.add(filter.levels);
    const taken = entries.filter(({ ignore }) => !ignore).map(({ filter }) => filter);
    this.filters = [...new Set(uncovered(taken).map(({ subscription }) => subscription))];
    this.text = text;
    this.hash = createHash('sha256').update(text).digest('hex');
    this.plain = plainEntry(zone);
    this.only = only ? this.plain : undefined;
  }

  /** Gives back what decoders hold, such as threads, when other topics take the place of these. */
  close(): void {
    for (const { decoder } of this.#entries) decoder.close?.();
  }

  /**
   * The entry that decides about a topic's messages; undefined: none takes them.
   * @param topic text, or its bytes.
   */
  find(topic: string | Buffer): TopicEntry | undefined {
    if (this.only !== undefined) return this.only;
    const name = typeof topic === 'string' ? topic : topic.toString('utf8');
    let found = this.#found.get(name);
    if (found === undefined) {
      const place = this.#trie.find(name);
      found = { entry: place === undefined ? undefined : this.#entries[place] };
      this.#found.set(name, found);
    }
    return found.entry;
  }
}

/** What MQTT_TOPICS says where there is no topics file: plain messages, whatever their topic. */
export function defaultTopics(filters: readonly string[], zone: Zone): Topics {
  const text = JSON.stringify({ topics: filters.map(filter => ({ filter })) });
  return new Topics(plainEntries(filters, zone), text, zone, true);
}

/**
 * Reads what `defaultTopics` is written as (`Topics.text`), without what it takes to read a topics file.
 * @returns undefined where it was made from a topics file.
 */
export function readDefaultTopics(text: string, zone: Zone): Topics | undefined {
  const { topics, ...others } = JSON.parse(text) as { topics: { filter: string }[] };
  const isPlain = (entry: object) => Object.keys(entry).join() === 'filter';
  if (Object.keys(others).length > 0 || !topics.every(isPlain)) return undefined;
  const filters = topics.map(({ filter }) => filter);
  return new Topics(plainEntries(filters, zone), text, zone);
}

function plainEntries(filters: readonly string[], zone: Zone): (TopicEntry & { filter: Filter })[] {
  return filters.map(text => {
    const levels = text.replace(/^\$share\/[^/]+\//, '').split('/');
    return { ...plainEntry(zone), filter: { text, subscription: text, levels, names: new Map() } };
  });
}

function plainEntry(zone: Zone): TopicEntry {
  return {
    name: PLAIN,
    ignore: false,
    decoder: new SluiceDecoder(zone),
    hasEnvelope: false,
    retained: 'take',
    hasOwnTime: true,
  };
}

function uncovered(filters: readonly Filter[]): Filter[] {
  return filters.filter(
    (filter, at) =>
      !filters.some((other, place) => {
        if (place === at || !covers(other.levels, filter.levels)) return false;
        // Of two that cover each other, the first stays.
        return !covers(filter.levels, other.levels) || place < at;
      }),
  );
}
