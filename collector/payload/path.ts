/** A step of a path: a key of an object, a place in an array, `*` (each of them), `**` (everything below; last step only). */
type Step = string | number | { any: 'children' | 'descendants' };

/** A path into JSON: `a.b`, `a[0]`, `["a.b"]`, `a.*`, `**`. */
export interface Path {
  /** As it is written. */
  readonly text: string;
  readonly steps: readonly Step[];
  /** Whether it finds one value at most. */
  readonly isFixed: boolean;
}

/** A value that a path found, and where: `ENERGY.Power`. */
export interface Found {
  path: string;
  value: unknown;
  /** The object or array that it stands in. */
  parent?: unknown;
}

/** JSON that is nested deeper is not searched: no device sends such, and the paths of its values would be endless. */
export const MAX_DEPTH = 64;

const step = /\.?(?:([^.[\]"*]+)|\[(\d{1,9})\]|\[("(?:[^"\\]|\\.)*")\]|(\*\*?)|\[(\*)\])/y;
const plainKey = /^[^.[\]"*\p{Cc}]+$/u;

/** Reads a path. @returns what is wrong with it, as a sentence's end. */
export function parsePath(text: string): Path | string {
  const must = `must be a path such as a.b, a[0], a["b.c"], * or **, not "${text}"`;
  const steps: Step[] = [];
  for (let at = 0; at < text.length; at = step.lastIndex) {
    step.lastIndex = at;
    const match = step.exec(text);
    if (match === null || (at === 0 && text[0] === '.')) return must;
    const [all, key, index, quoted, stars, star] = match;
    // Between two keys stands a dot, and nowhere else.
    if (at > 0 && !all.startsWith('.') && !all.startsWith('[')) return must;
    if (all.startsWith('.[')) return must;
    if (key !== undefined) steps.push(key);
    else if (index !== undefined) steps.push(Number(index));
    else if (quoted !== undefined) {
      const unquoted = unquote(quoted);
      if (unquoted === undefined) return must;
      steps.push(unquoted);
    } else steps.push({ any: (stars ?? star) === '**' ? 'descendants' : 'children' });
  }
  if (steps.length === 0) return must;
  if (steps.length > MAX_DEPTH) return `must have at most ${MAX_DEPTH} steps`;
  if (steps.slice(0, -1).some(one => typeof one === 'object' && one.any === 'descendants')) {
    return `must have ** at its end only, not "${text}"`;
  }
  return { text, steps, isFixed: steps.every(one => typeof one !== 'object') };
}

/** The value that a fixed path finds; undefined: none. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const one of path.steps) value = child(value, one as string | number);
  return value;
}

/** The object or array that the value of a fixed path stands in; undefined: none. */
export function parentAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const one of path.steps.slice(0, -1)) value = child(value, one as string | number);
  return value;
}

/**
 * What a path finds, in the order of the message: whatever a fixed path or `*` leads to, and of `**` all that is neither
 * object nor array. Takes time in proportion to what it searches.
 * @returns undefined where it would have to look deeper than `MAX_DEPTH`.
 */
export function select(root: unknown, path: Path): Found[] | undefined {
  let found: Found[] = [{ path: '', value: root }];
  for (const one of path.steps) {
    if (typeof one === 'object' && one.any === 'descendants') return leavesOf(found);
    const next: Found[] = [];
    for (const { path: before, value } of found) {
      if (typeof one === 'object') next.push(...childrenOf(before, value));
      else {
        const below = child(value, one);
        if (below !== undefined) next.push({ path: join(before, one), value: below, parent: value });
      }
    }
    found = next;
  }
  return found;
}

function leavesOf(roots: readonly Found[]): Found[] | undefined {
  const leaves: Found[] = [];
  // A stack of its own: what is nested deeply must not exhaust that of the program.
  const open = roots.map(found => ({ found, depth: 0 })).reverse();
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    const { found, depth } = top;
    if (typeof found.value !== 'object' || found.value === null) {
      leaves.push(found);
      continue;
    }
    if (depth >= MAX_DEPTH) return undefined;
    for (const below of childrenOf(found.path, found.value).reverse())
      open.push({ found: below, depth: depth + 1 });
  }
  return leaves;
}

function childrenOf(path: string, value: unknown): Found[] {
  if (Array.isArray(value))
    return value.map((item, at) => ({ path: join(path, at), value: item, parent: value }));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).map(([key, item]) => ({ path: join(path, key), value: item, parent: value }));
}

function child(value: unknown, one: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (typeof one === 'number') return Array.isArray(value) ? value[one] : undefined;
  return Object.hasOwn(value, one) ? (value as Record<string, unknown>)[one] : undefined;
}

function join(before: string, one: string | number): string {
  if (typeof one === 'number') return `${before}[${one}]`;
  if (!plainKey.test(one)) return `${before}[${JSON.stringify(one)}]`;
  return before === '' ? one : `${before}.${one}`;
}

function unquote(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}
