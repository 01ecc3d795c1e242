import type { Memory } from './memory.ts';
import type { Metric, SparkplugPayload } from './sparkplug-payload.ts';

/** What a birth says of a metric: name, data type, unit. Later messages may leave it out. */
export type Known = [name: string, datatype: number | null, unit?: string];

/** What is known of an edge node since its last NBIRTH. */
interface EdgeNode {
  /** By alias, which is unique within the node; JSON's keys. */
  aliases: Record<string, Known>;
  /** By device (empty: the node itself) and name, with a NUL between them. */
  names: Record<string, Known>;
}

/** Births can be made up endlessly: what is forgotten comes back with the next birth. */
const MOST_NODES = 10_000;
const MOST_METRICS = 100_000;
/** Before the keys in the memory. */
const KEY = 'sparkplug ';

/** Sequence numbers and aliases are those of a node, whichever entries of the topics file take its messages. */
const shared = new WeakMap<Memory, Births>();

/** What is remembered in a memory. */
export function birthsIn(memory: Memory): Births {
  const births = shared.get(memory) ?? new Births(memory);
  shared.set(memory, births);
  return births;
}

/** Remembers what births have said, across restarts, and counts what is missing between messages. */
export class Births {
  readonly #memory: Memory;
  /** undefined until it is asked for: what is remembered is read no earlier. */
  #known: Map<string, EdgeNode> | undefined;
  /** The last sequence number of each node, since the collector began. */
  readonly #last = new Map<string, number>();

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  get #nodes(): Map<string, EdgeNode> {
    if (this.#known !== undefined) return this.#known;
    this.#known = new Map();
    for (const [key, state] of this.#memory.kept) {
      if (key.startsWith(KEY)) this.#known.set(key.slice(KEY.length), structuredClone(state) as EdgeNode);
    }
    return this.#known;
  }

  /** Takes in a birth. @param device '' for the node itself. */
  learn(node: string, device: string, isNode: boolean, { metrics }: SparkplugPayload): void {
    const known = isNode ? undefined : this.#nodes.get(node);
    const edge = known ?? { aliases: {}, names: {} };
    this.#nodes.delete(node);
    for (const metric of metrics.slice(0, MOST_METRICS)) {
      if (metric.name === undefined) continue;
      const said: Known = [
        metric.name,
        metric.datatype ?? null,
        ...(metric.unit === undefined ? [] : [metric.unit]),
      ] as Known;
      if (metric.alias !== undefined) edge.aliases[metric.alias] = said;
      edge.names[`${device}\0${metric.name}`] = said;
    }
    this.#nodes.set(node, edge);
    if (this.#nodes.size > MOST_NODES) this.#nodes.delete(this.#nodes.keys().next().value!);
    this.#memory.keep(KEY + node, edge);
  }

  /** What a message leaves out, one for each of its metrics; undefined: it leaves out nothing. */
  missingFrom(node: string, device: string, metrics: readonly Metric[]): (Known | null)[] | undefined {
    if (metrics.every(({ name, datatype }) => name !== undefined && datatype !== undefined)) return undefined;
    const edge = this.#nodes.get(node);
    return metrics.map(({ name, alias }) => {
      const known = name === undefined ? edge?.aliases[alias ?? ''] : edge?.names[`${device}\0${name}`];
      return known ?? null;
    });
  }

  /** How many messages of the node are missing before this one, as far as its sequence number tells. */
  lostBefore(node: string, seq: number, isNodeBirth: boolean): number {
    const last = this.#last.get(node);
    if (this.#last.size >= MOST_NODES) this.#last.clear();
    this.#last.set(node, seq);
    // A birth begins anew; the same number again is the same message again.
    return last === undefined || isNodeBirth || seq === last ? 0 : (seq - last - 1 + 256) % 256;
  }
}
