import type { Logger } from 'pino';
import { errorText, UsageError } from './errors.ts';

/** What a part would do differently from now on. */
export interface Change {
  /** What is new, in short: for the log and for who has asked. */
  summary: object;
  /**
   * Puts it in force. It may throw only where nobody could have known before (the broker refuses a subscription), and has
   * undone itself then.
   */
  apply(): Promise<void> | void;
}

/**
 * Reads again what a part goes by, and checks it; changes nothing.
 * @returns undefined: it says what it said before.
 * @throws {UsageError} with every mistake at once.
 */
export type Prepare = () => Promise<Change | undefined> | Change | undefined;

/** What has changed, by the name of the part. */
export type Changes = Record<string, object>;

/** Nothing was changed, as something that was read again is wrong. `problems` has a line for each mistake. */
export class ReloadRefusedError extends UsageError {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(
      `Nothing was reloaded, everything stays as it was:\n${problems.map(problem => `  ${problem}`).join('\n')}`,
    );
    this.name = 'ReloadRefusedError';
    this.problems = problems;
  }
}

/**
 * What a process that runs reads again on request: all of it, or nothing where anything is wrong. Parts are checked before any is
 * changed, and changed in the order in which they were added: those that may still fail are added first.
 */
export class Reload {
  readonly #log: Logger;
  readonly #parts = new Map<string, Prepare>();
  #last: Promise<unknown> = Promise.resolve();
  #refused: ReloadRefusedError | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param name for the log: `topics`, `tokens`, … */
  add(name: string, prepare: Prepare): void {
    this.#parts.set(name, prepare);
  }

  /** Why the last reload was refused, where it was: the next start would fail by the same mistakes. */
  get refused(): ReloadRefusedError | undefined {
    return this.#refused;
  }

  /**
   * Reads all parts again; after a reload that is under way, as files may have changed since it read them.
   * @throws {ReloadRefusedError} with the mistakes of all parts; everything is as it was then.
   */
  run(): Promise<Changes> {
    const run = this.#last.then(() => this.#run());
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #run(): Promise<Changes> {
    try {
      const changes = await this.#change();
      this.#refused = undefined;
      const isSame = Object.keys(changes).length === 0;
      this.#log.info(changes, isSame ? 'reloaded: nothing has changed' : 'reloaded');
      return changes;
    } catch (error) {
      if (error instanceof ReloadRefusedError) {
        this.#refused = error;
        this.#log.error({ problems: error.problems }, 'nothing was reloaded, everything stays as it was');
      }
      throw error;
    }
  }

  async #change(): Promise<Changes> {
    const changes: [string, Change][] = [];
    const problems: string[] = [];
    for (const [name, prepare] of this.#parts) {
      try {
        const change = await prepare();
        if (change !== undefined) changes.push([name, change]);
      } catch (error) {
        problems.push(...problemsOf(error).map(problem => `${name}: ${problem}`));
      }
    }
    if (problems.length > 0) throw new ReloadRefusedError(problems);
    for (const [name, change] of changes) {
      try {
        await change.apply();
      } catch (error) {
        throw new ReloadRefusedError([`${name}: ${errorText(error)}`]);
      }
    }
    return Object.fromEntries(changes.map(([name, { summary }]) => [name, summary]));
  }
}

/** Errors of files and settings name each mistake. */
function problemsOf(error: unknown): readonly string[] {
  const { problems } = error as { problems?: unknown };
  return Array.isArray(problems) ? problems : [errorText(error)];
}

/** Names listed of what has changed; thousands of sensors are not a line of a log. */
const LISTED = 20;

/** What has become of things with names. Lists that would be empty are left out. */
export interface Difference {
  added?: string[];
  removed?: string[];
  changed?: string[];
}

/**
 * Compares what there was with what there is.
 * @param before,after by name, what each says: equal where nothing has changed.
 * @returns undefined: nothing has changed.
 */
export function difference(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): Difference | undefined {
  const lists = {
    added: [...after.keys()].filter(name => !before.has(name)),
    removed: [...before.keys()].filter(name => !after.has(name)),
    changed: [...after.keys()].filter(name => before.has(name) && before.get(name) !== after.get(name)),
  };
  const some = Object.entries(lists).filter(([, names]) => names.length > 0);
  if (some.length === 0) return undefined;
  return Object.fromEntries(some.map(([how, names]) => [how, shortened(names)]));
}

function shortened(names: string[]): string[] {
  if (names.length <= LISTED) return names;
  return [...names.slice(0, LISTED), `and ${names.length - LISTED} more`];
}
