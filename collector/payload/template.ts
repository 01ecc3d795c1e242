import { type Filter, namesIn } from './filter.ts';
import { type Path, parsePath, valueAt } from './path.ts';

/** What a template is filled with. */
export interface Filling {
  /** What `{path}` stands for: where in the message the value was found, or what the topics file calls it. */
  path: string;
  /** The whole message, for `{payload.a.b}`. */
  payload?: unknown;
  /** The item of `each`, for `{item.a.b}`. */
  item?: unknown;
  /** What a format calls parts of a message, such as `{measurement}`. */
  parts?: ReadonlyMap<string, string> | undefined;
}

type Part =
  | { kind: 'text'; text: string }
  | { kind: 'path' }
  | { kind: 'key' }
  | { kind: 'topic' }
  | { kind: 'level'; name: string }
  | { kind: 'part'; name: string }
  | { kind: 'value'; of: 'payload' | 'item'; path: Path; isOptional: boolean };

/** A text with places to fill: `{device}/{path}`. */
export class Template {
  readonly #parts: readonly Part[];
  readonly #filter: Filter;

  private constructor(parts: readonly Part[], filter: Filter) {
    this.#parts = parts;
    this.#filter = filter;
  }

  /**
   * Reads a template: `{name}` of the filter's wildcards, `{topic}`, `{path}`, `{key}` (the path's last step), `{payload.a.b}`,
   * `{item.a.b}` (with a ? behind it where it may be missing), and what the format calls parts of a message.
   * @param parts names that the format gives; one that ends in `.` may go on (`tag.host`).
   * @returns what is wrong with it, as a sentence's end.
   */
  static parse(text: string, filter: Filter, parts: readonly string[] = []): Template | string {
    const read: Part[] = [];
    for (const piece of text.split(/(\{[^{}]*\})/)) {
      if (piece === '') continue;
      if (!/^\{.*\}$/s.test(piece)) {
        if (/[{}]/.test(piece)) return `must have each { closed by a }, in "${text}"`;
        read.push({ kind: 'text', text: piece });
        continue;
      }
      const part = partOf(piece.slice(1, -1), filter, parts);
      if (typeof part === 'string') return part;
      read.push(part);
    }
    return new Template(read, filter);
  }

  /** Whether it tells values of one message apart. */
  get hasPath(): boolean {
    return this.#parts.some(({ kind }) => kind === 'path' || kind === 'key');
  }

  /** Whether it says the same for every message of a topic and path. */
  get isOfTopic(): boolean {
    return this.#parts.every(({ kind }) => kind !== 'value' && kind !== 'part');
  }

  /** Whether it can be empty: it has no text of its own. */
  get text(): string {
    return this.#parts.map(part => (part.kind === 'text' ? part.text : '')).join('');
  }

  /** Fills it; undefined: the message lacks a value that it names. Before what is empty no / stays. */
  fill(topic: string, filling: Filling): string | undefined {
    let text = '';
    let levels: Map<string, string> | undefined;
    for (const part of this.#parts) {
      if (part.kind === 'level') levels ??= namesIn(this.#filter, topic);
      const piece = fillPart(part, topic, levels, filling);
      if (piece === undefined) return undefined;
      if (piece === '') text = text.replace(/\/$/, '');
      text += piece;
    }
    return text;
  }
}

function partOf(inside: string, filter: Filter, parts: readonly string[]): Part | string {
  if (inside === 'path' || inside === 'topic' || inside === 'key') return { kind: inside };
  const [, of, rest, optional] = /^(payload|item)\.(.+?)(\??)$/s.exec(inside) ?? [];
  if (rest !== undefined) {
    const path = parsePath(rest);
    if (typeof path === 'string') return path;
    if (!path.isFixed) return `must have no * in {${inside}}`;
    return { kind: 'value', of: of as 'payload' | 'item', path, isOptional: optional === '?' };
  }
  const name = inside.replace(/#$/, '');
  if (filter.names.has(name)) return { kind: 'level', name };
  if (parts.some(part => (part.endsWith('.') ? name.startsWith(part) && name !== part : name === part))) {
    return { kind: 'part', name };
  }
  const known = [...filter.names.keys(), ...parts, 'path', 'key', 'topic', 'payload.…'].map(
    each => `{${each}}`,
  );
  return `must name only what there is: ${known.join(', ')}; not {${inside}}`;
}

function fillPart(
  part: Part,
  topic: string,
  levels: Map<string, string> | undefined,
  { path, payload, item, parts }: Filling,
): string | undefined {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'path':
      return path;
    case 'key':
      return path.slice(path.lastIndexOf('.') + 1);
    case 'topic':
      return topic;
    case 'level':
      return levels?.get(part.name) ?? '';
    case 'part':
      return parts?.get(part.name);
    case 'value':
      return (
        textOf(valueAt(part.of === 'item' ? item : payload, part.path)) ?? (part.isOptional ? '' : undefined)
      );
  }
}

/** Of an object the texts of its values, in the order of its keys: tags, for instance. Levels that are empty are left out. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const texts = Object.keys(value)
      .sort()
      .map(key => scalar((value as Record<string, unknown>)[key]));
    return texts.includes(undefined) ? undefined : withoutEmptyLevels(texts.join('/'));
  }
  return scalar(value);
}

/** What values with slashes in them make: `sda1/rw//` of a disk that is mounted at `/` is sda1/rw. */
export function withoutEmptyLevels(text: string): string {
  return text.split('/').filter(Boolean).join('/');
}

function scalar(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
