import { z } from 'zod';
import { type EntryContext, type ValueOptions, valueOptions } from './format.ts';
import { type Found, MAX_DEPTH, type Path, parentAt, parsePath, select, valueAt } from './path.ts';
import type { Said } from './sensor-names.ts';
import { type Filling, Template } from './template.ts';
import { convert } from './value.ts';

const text = z.string({ error: 'must be text' });
const rule = z.strictObject({
  as: text.min(1, 'must not be empty').optional().describe('What {path} says instead of the path.'),
  unit: text
    .optional()
    .describe('Unit of the value, for the registry; a template, such as °{payload.TempUnit}.'),
  quantity: text.optional().describe('What is measured, for the registry.'),
  ...valueOptions,
});

/** Which values an entry takes. */
export const valuesOption = z
  .union(
    [
      z.array(z.string({ error: 'must be a path such as a.b' })).min(1, 'must not be empty'),
      z
        .record(
          z.string(),
          z.union([rule, z.string(), z.null()], {
            error: 'must be what the value is, such as {as: temperature, unit: °C}, or its name',
          }),
        )
        .refine(rules => Object.keys(rules).length > 0, 'must not be empty'),
    ],
    {
      error:
        'must be a list of paths, or a map from paths to what they are: {temp: {as: temperature, unit: °C}}',
    },
  )
  .optional()
  .describe(
    'Paths of the values: a.b, a[0], *, ** (every number below); or a map from path to { as, unit, scale, … }. Default: **.',
  );

/** A path, and what its values are. */
export interface Rule {
  path: Path;
  as: string | undefined;
  options: ValueOptions;
  said: Said | undefined;
  /** A unit that the message names. */
  unit: Template | undefined;
}

/** A value that was found and converted. */
export interface Value {
  path: string;
  value: unknown;
  said: Said | undefined;
  /** To fill with what the message names. */
  unit: Template | undefined;
}

/** Reads `values`. @returns undefined where something was reported. */
export function rulesOf(values: z.output<typeof valuesOption>, context: EntryContext): Rule[] | undefined {
  const list: [string, z.output<typeof rule> | string | null, (string | number)[]][] = Array.isArray(values)
    ? values.map((path, at) => [path, null, ['values', at]])
    : Object.entries(values ?? { '**': null }).map(([path, of]) => [path, of, ['values', path]]);
  const rules: Rule[] = [];
  for (const [text, of, key] of list) {
    const path = parsePath(text);
    if (typeof path === 'string') {
      context.report(key, path);
      continue;
    }
    const { as, unit, quantity, ...options } = typeof of === 'string' ? { as: of } : (of ?? {});
    if (as !== undefined && !path.isFixed) {
      context.report(
        [...key, 'as'],
        `must not be there: ${text} finds many values, which would all be called ${as}`,
      );
      continue;
    }
    const template =
      unit !== undefined && /[{}]/.test(unit) ? Template.parse(unit, context.filter) : undefined;
    if (typeof template === 'string') {
      context.report([...key, 'unit'], template);
      continue;
    }
    const said = {
      ...(unit !== undefined && template === undefined && { unit }),
      ...(quantity !== undefined && { quantity }),
    };
    rules.push({ path, as, options, said: Object.keys(said).length > 0 ? said : undefined, unit: template });
  }
  return rules.length === list.length ? rules : undefined;
}

/** How an entry looks for its values. */
export interface Search {
  /** Paths that wildcards leave out. */
  except: readonly string[];
  /** Whether a text that is a number counts as one. */
  takesText: boolean;
  /** Whether what a fixed path leads to and is not a number is left out, rather than for the loader to refuse. */
  skipsText: boolean;
  /** The key beside a value that names its unit. */
  unitKey: string | undefined;
}

/** A longer text is not a unit. */
const MOST_UNIT = 50;

/** What is said of a value, with the unit that the message names. */
export function filledUnit(
  unit: Template,
  topic: string,
  filling: Filling,
  said: Said | undefined,
): Said | undefined {
  const text = unit.fill(topic, filling);
  return text === undefined || text === '' ? said : { ...said, unit: text.slice(0, MOST_UNIT) };
}

/** Finds an entry's values in messages. */
export class Paths {
  readonly #search: Search;
  readonly #left: readonly RegExp[];

  private constructor(search: Search, left: readonly RegExp[]) {
    this.#search = search;
    this.#left = left;
  }

  /** @returns undefined where something was reported. */
  static of(search: Search, context: EntryContext): Paths | undefined {
    const left: RegExp[] = [];
    for (const [at, text] of search.except.entries()) {
      const path = parsePath(text);
      if (typeof path === 'string') context.report(['except', at], path);
      else left.push(patternOf(path));
    }
    return left.length === search.except.length ? new Paths(search, left) : undefined;
  }

  /**
   * The values of an item. What a fixed path leads to is one whatever it is, unless null; of what wildcards find only what
   * becomes a number. A value that two rules find is the first one's.
   * @returns undefined where the item is nested too deep to look.
   */
  find(item: unknown, rules: readonly Rule[]): Value[] | undefined {
    const values: Value[] = [];
    const { takesText, skipsText } = this.#search;
    let seen: Set<string> | undefined;
    for (const { path, as, options, said, unit } of rules) {
      if (path.isFixed) {
        const sent = valueAt(item, path);
        if (sent === undefined || sent === null) continue;
        const value = convert(sent, options, takesText);
        if (typeof value === 'number' || !skipsText)
          values.push({
            path: as ?? path.text,
            value,
            said: this.#said(said, () => parentAt(item, path)),
            unit,
          });
        continue;
      }
      const found = select(item, path);
      if (found === undefined) return undefined;
      // What an earlier rule has taken, under its own path.
      seen ??= new Set(rules.filter(rule => rule.path.isFixed).map(rule => rule.path.text));
      for (const one of found) {
        if (seen.has(one.path) || this.#isLeft(one)) continue;
        const value = convert(one.value, options, takesText);
        if (typeof value !== 'number') continue;
        seen.add(one.path);
        values.push({ path: one.path, value, said: this.#said(said, () => one.parent), unit });
      }
    }
    return values;
  }

  /** What the topics file says of a value, and what stands beside it. */
  #said(said: Said | undefined, parent: () => unknown): Said | undefined {
    const { unitKey } = this.#search;
    if (unitKey === undefined || said?.unit !== undefined) return said;
    const beside = parent();
    if (typeof beside !== 'object' || beside === null || !Object.hasOwn(beside, unitKey)) return said;
    const unit = (beside as Record<string, unknown>)[unitKey];
    return typeof unit === 'string' && unit !== '' ? { ...said, unit: unit.slice(0, MOST_UNIT) } : said;
  }

  #isLeft({ path }: Found): boolean {
    return this.#left.some(pattern => pattern.test(path));
  }
}

/** Matches the paths that `select` writes of what a path finds. No part of it can match a text in two ways. */
function patternOf({ steps }: Path): RegExp {
  const parts = steps.map((step, at) => {
    const dot = at === 0 ? '' : '\\.';
    if (typeof step === 'number') return `\\[${step}\\]`;
    if (typeof step === 'string') return dot + step.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    if (step.any === 'descendants') return at === 0 ? '' : '[.[]';
    return `(?:${dot}[^.[]+|\\[\\d+\\])`;
  });
  const last = steps.at(-1);
  const isOpen = typeof last === 'object' && last.any === 'descendants';
  return new RegExp(`^${parts.join('')}${isOpen ? '' : '$'}`);
}

export const TOO_DEEP = `nested more than ${MAX_DEPTH} deep`;
