import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** Keeps what formats have learnt from earlier messages, from one run of the collector to the next. */
export interface Memory {
  /** What was kept, by key. */
  readonly kept: ReadonlyMap<string, unknown>;
  /** Keeps a state instead of the one before. @param state JSON. */
  keep(key: string, state: unknown): void;
}

/** A memory that ends with the process: for those who record nothing. */
export class ShortMemory implements Memory {
  readonly kept = new Map<string, unknown>();

  keep(key: string, state: unknown): void {
    this.kept.set(key, structuredClone(state));
  }
}

/**
 * A memory in a file, a line a state; the last line of a key counts. A process that is killed loses nothing. A power cut may cost
 * the newest lines: they are not synced, as a plant that starts would wait for a thousand of them.
 */
export class FileMemory implements Memory {
  readonly #path: string;
  #kept: Map<string, unknown> | undefined;

  /** Nothing is read or written before it is used: until then the data folder may be another collector's. */
  constructor(path: string) {
    this.#path = path;
  }

  get kept(): ReadonlyMap<string, unknown> {
    return this.#load();
  }

  keep(key: string, state: unknown): void {
    const kept = this.#load();
    const line = lineOf(key, state);
    if (kept.has(key) && lineOf(key, kept.get(key)) === line) return;
    // A copy, as the caller goes on with its own.
    kept.set(key, JSON.parse(line)[1]);
    appendFileSync(this.#path, line);
  }

  /** Reads the file, where there is one, and writes it anew without what is outdated. */
  #load(): Map<string, unknown> {
    if (this.#kept !== undefined) return this.#kept;
    const kept = new Map<string, unknown>();
    for (const line of linesOf(this.#path)) {
      const [key, state] = parse(line) ?? [];
      if (key !== undefined) kept.set(key, state);
    }
    if (kept.size > 0) {
      writeFileSync(`${this.#path}.new`, [...kept].map(([key, state]) => lineOf(key, state)).join(''));
      renameSync(`${this.#path}.new`, this.#path);
    }
    this.#kept = kept;
    return kept;
  }
}

function lineOf(key: string, state: unknown): string {
  return `${JSON.stringify([key, state])}\n`;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** undefined: an empty line, or one that a power cut has torn. */
function parse(line: string): [string, unknown] | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return Array.isArray(parsed) && typeof parsed[0] === 'string' ? [parsed[0], parsed[1]] : undefined;
  } catch {
    return undefined;
  }
}
