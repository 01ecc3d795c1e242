/** A level of the topics, and what filters end there or go on. Their places in the list are what is stored. */
interface Node {
  readonly literals: Map<string, Node>;
  any: Node | undefined;
  /** The first filter that ends here. */
  end: number;
  /** The first filter that ends here with a #. */
  rest: number;
}

const NONE = Number.POSITIVE_INFINITY;

/**
 * Finds which of many filters, in their order, is the first to match a topic. What it costs depends on the topic's
 * levels, not on how many filters there are.
 */
export class FilterTrie {
  readonly #root = newNode();
  #size = 0;

  /** Adds a filter behind those that are there. @param levels literals, `+`, and `#` as the last one. */
  add(levels: readonly string[]): void {
    const place = this.#size++;
    let node = this.#root;
    for (const level of levels) {
      if (level === '#') {
        node.rest = Math.min(node.rest, place);
        return;
      }
      if (level === '+') {
        node.any ??= newNode();
        node = node.any;
      } else node = child(node, level);
    }
    node.end = Math.min(node.end, place);
  }

  /** The place of the first filter that matches; undefined: none does. */
  find(topic: string): number | undefined {
    const place = best(this.#root, topic.split('/'), 0);
    return place === NONE ? undefined : place;
  }
}

function best(node: Node, levels: readonly string[], at: number): number {
  // [MQTT-4.7.2-1]: a wildcard in the first place matches no topic that begins with $.
  const wild = at > 0 || !levels[0]!.startsWith('$');
  // "sport/#" matches "sport" as well: # stands for the levels below, and for the one above them.
  const rest = wild ? node.rest : NONE;
  if (at === levels.length) return Math.min(node.end, rest);
  const literal = node.literals.get(levels[at]!);
  return Math.min(
    rest,
    literal === undefined ? NONE : best(literal, levels, at + 1),
    node.any === undefined || !wild ? NONE : best(node.any, levels, at + 1),
  );
}

function newNode(): Node {
  return { literals: new Map(), any: undefined, end: NONE, rest: NONE };
}

function child(node: Node, level: string): Node {
  let found = node.literals.get(level);
  if (found === undefined) {
    found = newNode();
    node.literals.set(level, found);
  }
  return found;
}
