import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { overlap, parseFilter } from '../../payload/filter.ts';

/** Property of a PUBLISH and a SUBSCRIBE [MQTT-3.3.2.3.8]. */
const SUBSCRIPTION_IDENTIFIER = 0x0b;
/** Topics whose last message is remembered. Unbounded topics must not fill the memory. */
const MOST_TOPICS = 20_000;

/** The last message of a topic, as far as it tells whether the next one is a copy of it. */
interface Last {
  digest: string;
  /** Of the subscriptions by which copies of it have come. */
  ids: number[];
}

/**
 * Recognises what a broker delivers once for each of several subscriptions that match its topic, as some do [MQTT-3.3.5-1].
 * Subscriptions that overlap have identifiers (MQTT 5). Copies of one message come by different subscriptions; a single
 * delivery names all that match [MQTT-3.3.4-3], [MQTT-3.3.4-4]. So the same payload again, by subscriptions by which the last
 * message of the topic has not come, is a copy of that; whatever else comes is a message of its own.
 */
export class Copies {
  readonly #last = new LRUCache<string, Last>({ max: MOST_TOPICS });

  /** @param properties of the PUBLISH, without their length. */
  isCopy(topic: Buffer, payload: Buffer, properties: Buffer): boolean {
    const ids = subscriptionsIn(properties);
    if (ids.length === 0) return false;
    const key = topic.toString('latin1');
    const digest = payload.length <= 64 ? payload.toString('latin1') : digestOf(payload);
    const last = this.#last.get(key);
    if (last !== undefined && last.digest === digest && !ids.some(id => last.ids.includes(id))) {
      last.ids.push(...ids);
      return true;
    }
    this.#last.set(key, { digest, ids });
    return false;
  }
}

/** Those of some filters that match a topic which another one matches as well; they need identifiers. */
export function overlapping(filters: readonly string[]): string[] {
  const levels = filters.map(filter => {
    const parsed = parseFilter(filter);
    return typeof parsed === 'string' ? [] : parsed.levels;
  });
  return filters.filter((_, at) =>
    levels.some((other, place) => place !== at && overlap(levels[at]!, other)),
  );
}

/** The subscription identifiers among properties; none where there are other properties that this cannot pass over. */
function subscriptionsIn(properties: Buffer): number[] {
  const ids: number[] = [];
  for (let at = 0; at < properties.length; ) {
    const type = properties[at++]!;
    if (type === SUBSCRIPTION_IDENTIFIER) {
      let id = 0;
      for (let shift = 0; ; shift += 7) {
        if (at >= properties.length || shift > 21) return [];
        const byte = properties[at++]!;
        id += (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      ids.push(id);
      continue;
    }
    const length = lengthOf(type, properties, at);
    if (length === undefined) return [];
    at += length;
  }
  return ids;
}

/** Bytes of a property of a PUBLISH behind its identifier [MQTT-2.2.2.2]; undefined: not one of a PUBLISH. */
function lengthOf(type: number, properties: Buffer, at: number): number | undefined {
  const text = (from: number) =>
    from + 2 <= properties.length ? 2 + properties.readUInt16BE(from) : undefined;
  switch (type) {
    case 0x01: // Payload Format Indicator
      return 1;
    case 0x02: // Message Expiry Interval
      return 4;
    case 0x23: // Topic Alias
      return 2;
    case 0x03: // Content Type
    case 0x08: // Response Topic
    case 0x09: // Correlation Data
      return text(at);
    case 0x26: {
      // User Property: two texts
      const first = text(at);
      const second = first === undefined ? undefined : text(at + first);
      return first === undefined || second === undefined ? undefined : first + second;
    }
    default:
      return undefined;
  }
}

function digestOf(payload: Buffer): string {
  return createHash('sha256').update(payload).digest('base64');
}
