import { readFileSync } from 'node:fs';
import { type Document, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { UsageError } from './errors.ts';
import { didYouMean } from './nearest.ts';

type Key = string | number;

/** A YAML file of the user's cannot be read, or at least one thing in it is wrong. `problems` has a line for each, with its place. */
export class YamlFileError extends UsageError {
  readonly problems: readonly string[];

  /** @param what the file, with the setting that names it: `topics file (TOPICS_FILE)`. */
  constructor(what: string, problems: readonly string[]) {
    super(`The ${what} is wrong:\n${problems.map(problem => `  ${problem}`).join('\n')}`);
    this.name = 'YamlFileError';
    this.problems = problems;
  }
}

/** The text of such a file. @throws {YamlFileError} where it cannot be read. */
export function readYamlFile(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new YamlFileError(what, [`${path} cannot be read: ${(error as Error).message}`]);
  }
}

/** A YAML file that knows where its values stand, and collects what is wrong with them. */
export class PositionedYaml {
  readonly #name: string;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;
  readonly #problems: { offset: number; text: string }[] = [];
  /** Whether what the file says is what somebody meant. */
  readonly #isReadable: boolean;

  /** @param name the file's, as problems name it. */
  constructor(text: string, name: string) {
    this.#name = name;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { pos, message } of this.#document.errors)
      this.#problems.push({ offset: pos[0], text: message });
    this.#isReadable = this.#document.errors.every(({ code }) => code === 'DUPLICATE_KEY');
  }

  /** What the file says, as plain values; undefined where it is not YAML. Of a key that is there twice, the last. */
  read(): unknown {
    if (!this.#isReadable) return undefined;
    try {
      return this.#document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      this.#problems.push({ offset: 0, text: (error as Error).message });
      return undefined;
    }
  }

  /** Reports what is wrong with the value at a path, or with its nearest ancestor where there is no such value. */
  report(path: readonly Key[], message: string): void {
    const key = path.filter(part => typeof part === 'string').at(-1);
    this.#problems.push({
      offset: this.#offsetOf(path),
      text: key === undefined ? message : `${key} ${message}`,
    });
  }

  /** What is wrong, each with its place: `topics.yaml:3:5: filter must not be empty`; in the order of the file. */
  get problems(): string[] {
    const placed = this.#problems.map(({ offset, text }) => ({ ...this.#lines.linePos(offset), text }));
    placed.sort((a, b) => a.line - b.line || a.col - b.col);
    return [...new Set(placed.map(({ line, col, text }) => `${this.#name}:${line}:${col}: ${text}`))];
  }

  #offsetOf(path: readonly Key[]): number {
    let node: unknown = this.#document.contents;
    let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    for (const part of path) {
      if (isMap(node)) {
        // Of a key that is there twice, the last counts.
        const pair = node.items.findLast(({ key }) => isScalar(key) && String(key.value) === String(part));
        if (pair === undefined) break;
        // The key's place: a value may be missing, or begin on the next line.
        offset = (isPair(pair) && isNode(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
        node = pair.value;
      } else if (isSeq(node)) {
        node = node.items[Number(part)];
        offset = (isNode(node) ? node.range?.[0] : undefined) ?? offset;
      } else break;
    }
    return offset;
  }
}

/**
 * Reports the issues of a schema.
 * @param at path of what was held against it.
 * @param schema for what an unknown key was likely meant to be.
 */
export function reportIssues(
  issues: readonly z.core.$ZodIssue[],
  report: (path: readonly Key[], message: string) => void,
  at: readonly Key[] = [],
  schema?: z.ZodType,
): void {
  const visit = (some: readonly z.core.$ZodIssue[], under: readonly Key[]) => {
    for (const issue of some) {
      const path = [...under, ...(issue.path as Key[])];
      const inner = issue.code === 'invalid_union' ? branchOf(issue.errors) : undefined;
      if (inner !== undefined) visit(inner, path);
      else if (issue.code === 'unrecognized_keys') {
        const known = keysAt(schema, path);
        for (const key of issue.keys)
          report([...at, ...path, key], `is not known here${didYouMean(key, known)}`);
      } else report([...at, ...path], issue.message);
    }
  };
  visit(issues, []);
}

/** The keys that a schema knows at a path, in any branch of a union. */
function keysAt(schema: unknown, path: readonly Key[]): string[] {
  if (schema instanceof z.ZodOptional) return keysAt(schema.unwrap(), path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(option => keysAt(option, path));
  const [key, ...below] = path;
  if (schema instanceof z.ZodObject)
    return key === undefined ? Object.keys(schema.shape) : keysAt(schema.shape[key], below);
  if (key !== undefined && schema instanceof z.ZodRecord) return keysAt(schema.valueType, below);
  return key !== undefined && schema instanceof z.ZodArray ? keysAt(schema.element, below) : [];
}

/** Reports entries of a list whose name another one has, whatever else is wrong with them. @param at path of the list. */
export function reportRepeatedNames(
  entries: readonly unknown[],
  at: readonly Key[],
  report: (path: readonly Key[], message: string) => void,
): void {
  const names = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const name = (entry as { name?: unknown } | null | undefined)?.name;
    if (typeof name !== 'string') continue;
    if (names.has(name)) report([...at, index, 'name'], `must not be there twice: ${name}`);
    names.add(name);
  }
}

/** Of a union's branches the one that was meant: of the right type, and wrong further down. */
function branchOf(
  branches: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] | undefined {
  return branches.find(
    issues =>
      issues.length > 0 && issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  );
}
