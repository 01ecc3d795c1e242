/** A topic filter of the topics file: that of MQTT, with names for its wildcards. */
export interface Filter {
  /** As it is written: `zigbee2mqtt/{device}`. */
  readonly text: string;
  /** As a broker takes it: `zigbee2mqtt/+`. */
  readonly subscription: string;
  /** The levels to match: literals, `+`, and `#` as the last one. A shared subscription's are those of its filter. */
  readonly levels: readonly string[];
  /** Which level each name stands for; of `{name#}` the first of them. */
  readonly names: ReadonlyMap<string, number>;
}

const named = /^\{([a-z][a-z0-9_]*)(#?)\}$/i;
/** What templates already call something. */
const RESERVED = ['path', 'key', 'payload', 'item', 'topic'];

/**
 * Reads a filter: MQTT's, where `{name}` stands for `+` and `{name#}` for `#`.
 * @returns what is wrong with it, as a sentence's end: `must not be empty`.
 */
export function parseFilter(text: string): Filter | string {
  if (text === '') return 'must not be empty';
  if (Buffer.byteLength(text) > 65_535) return 'must not be longer than 65,535 bytes';
  if (text.includes('\0') || !text.isWellFormed()) return 'must not hold a NUL or half a surrogate pair';
  const shared = /^\$share\/[^/+#{}]+\/(?=.)/.exec(text)?.[0] ?? '';
  const levels: string[] = [];
  const names = new Map<string, number>();
  const written = text.slice(shared.length).split('/');
  for (const [at, level] of written.entries()) {
    const [, name, many] = named.exec(level) ?? [];
    const wildcard = name === undefined ? level : many === '#' ? '#' : '+';
    const problem = levelProblem(level, wildcard, at === written.length - 1);
    if (problem !== undefined) return problem;
    if (name !== undefined) {
      if (RESERVED.includes(name))
        return `must not call a wildcard {${name}}: that name has a meaning of its own`;
      if (names.has(name)) return `must not call two wildcards {${name}}`;
      names.set(name, at);
    }
    levels.push(wildcard);
  }
  return { text, subscription: shared + levels.join('/'), levels, names };
}

// [MQTT-4.7.1-1], [MQTT-4.7.1-2]: "#" stands last and alone in its level, "+" alone in its level.
function levelProblem(level: string, wildcard: string, isLast: boolean): string | undefined {
  if (wildcard === '#') return isLast ? undefined : 'must have # or {name#} at its end only';
  if (wildcard === '+') return undefined;
  if (/[+#]/.test(level)) return `must have + and # alone in a level, not "${level}"`;
  if (/[{}]/.test(level)) return `must have a wildcard such as {device} alone in a level, not "${level}"`;
  return undefined;
}

/** What a filter's names stand for in a topic that it matches: levels, and of `{name#}` all that follow, perhaps none. */
export function namesIn(filter: Filter, topic: string): Map<string, string> {
  const found = new Map<string, string>();
  if (filter.names.size === 0) return found;
  const levels = topic.split('/');
  for (const [name, at] of filter.names) {
    found.set(name, filter.levels[at] === '#' ? levels.slice(at).join('/') : levels[at]!);
  }
  return found;
}

/** Whether there is a topic that both match. */
export function overlap(one: readonly string[], other: readonly string[]): boolean {
  const wild = (level: string | undefined) => level === '+' || level === '#';
  // [MQTT-4.7.2-1]
  if ((one[0]?.startsWith('$') && wild(other[0])) || (other[0]?.startsWith('$') && wild(one[0])))
    return false;
  for (let at = 0; ; at++) {
    const [a, b] = [one[at], other[at]];
    if (a === '#' || b === '#') return true;
    if (a === undefined || b === undefined) return a === b;
    if (a !== '+' && b !== '+' && a !== b) return false;
  }
}

/** Whether every topic that `inner` matches is matched by `outer` as well. */
export function covers(outer: readonly string[], inner: readonly string[]): boolean {
  // [MQTT-4.7.2-1]: a wildcard in the first place matches no topic that begins with $.
  if (inner[0]?.startsWith('$') && (outer[0] === '+' || outer[0] === '#')) return false;
  for (const [at, level] of outer.entries()) {
    if (level === '#') return true;
    if (at >= inner.length || inner[at] === '#') return false;
    if (level !== '+' && level !== inner[at]) return false;
  }
  return outer.length === inner.length;
}
