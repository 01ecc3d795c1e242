import type { z } from 'zod';
import { didYouMean, nearestNames } from '../../base/nearest.ts';
import { reportIssues } from '../../base/positioned-yaml.ts';
import type { Zone } from '../../base/time.ts';
import type { PlacedEntry } from './expand.ts';
import type { Feedback } from './feedback.ts';
import { type Filter, parseFilter } from './filter.ts';
import type { EntryContext } from './format.ts';
import { formats } from './formats.ts';
import type { Memory } from './memory.ts';
import { SluiceDecoder } from './sluice-decoder.ts';
import type { TopicEntry } from './topics.ts';
import { schemaOf } from './topics-schema.ts';

type Path = readonly (string | number)[];
type Report = (path: Path, message: string) => void;

export interface ReaderOptions {
  /** Of times that name no offset. */
  zone: Zone;
  /** The same of plain messages: SENSOR_TIMEZONE. */
  plainZone: Zone;
  memory: Memory;
  feedback?: Feedback | undefined;
  /** Takes in what is wrong. @param path from the root of the file. */
  report: Report;
}

interface RawEntry {
  filter: string;
  format?: string;
  ignore?: boolean;
  retained?: 'skip' | 'take';
}

/** How often an entry is held against its schema without what was wrong with it. */
const MOST_TRIES = 5;

/**
 * Makes entries of what the file says. What is wrong with one is reported all at once: keys that a schema refuses are left
 * out, and the rest is looked at all the same.
 */
export class EntryReader {
  readonly #options: ReaderOptions;
  readonly #filters = new Map<string, string>();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** @returns undefined where it is of no use, as something was reported. */
  read(placed: PlacedEntry): (TopicEntry & { filter: Filter }) | undefined {
    const report: Report = (path, message) => this.#report(placed, path, message);
    const entry = withKnownFormat(placed.entry, report);
    const data = salvage(entry, schemaOf(entry), report) as RawEntry | undefined;
    const parsed = filterOf(entry, report);
    if (data === undefined) return undefined;
    const { filter: _, format: name = 'sluice', ignore = false, retained, ...options } = data;
    const filter = typeof parsed === 'string' ? unreadableFilter(parsed, entry) : parsed;
    if (typeof parsed !== 'string') this.#reportTwice(filter, report);
    const { zone, plainZone, memory, feedback } = this.#options;
    const common = { filter, name: filter.text, ignore };
    if (ignore) {
      const decoder = new SluiceDecoder(plainZone);
      return { ...common, decoder, hasEnvelope: false, retained: 'skip', hasOwnTime: false };
    }
    const context: EntryContext = { filter, zone, plainZone, memory, feedback, report };
    const made = formats.find(format => format.name === name)?.create(options as never, context);
    if (made === undefined) return undefined;
    const { decoder, hasOwnTime, isPlain = false } = made;
    return {
      ...common,
      decoder,
      hasEnvelope: !isPlain,
      hasOwnTime,
      retained: retained ?? (hasOwnTime ? 'take' : 'skip'),
    };
  }

  /** Where the key is written; what a preset of ours has written is reported where it is used. */
  #report({ sources }: PlacedEntry, path: Path, message: string): void {
    const key = path[0];
    const source = sources.find(
      ({ written }, index) =>
        (key !== undefined && Object.hasOwn(Object(written), key)) ||
        (index === sources.length - 1 && !Object.hasOwn(Object(written), 'use')),
    );
    if (source !== undefined) this.#options.report([...source.place, ...path], message);
    else {
      const place = sources[0]?.place ?? [];
      this.#options.report([...place, 'use'], `writes an entry whose ${path[0] ?? 'form'} ${message}`);
    }
  }

  #reportTwice(filter: Filter, report: Report): void {
    const before = this.#filters.get(filter.levels.join('/'));
    if (before !== undefined)
      report(['filter'], `must not be there twice: ${before} comes first and takes all`);
    this.#filters.set(filter.levels.join('/'), filter.text);
  }
}

/** An entry whose format nobody knows is read as the one that is likeliest meant. */
function withKnownFormat(entry: unknown, report: Report): unknown {
  if (typeof entry !== 'object' || entry === null || !('format' in entry)) return entry;
  const { format } = entry;
  const names = formats.map(({ name }) => name);
  if (typeof format !== 'string' || names.includes(format)) return entry;
  const [meant] = nearestNames(format, names);
  if (meant === undefined) return entry;
  report(['format'], `must be one of ${names.join(', ')}${didYouMean(format, names)}`);
  return { ...entry, format: meant };
}

/** What a schema takes of an entry. The rest is reported. @returns undefined where nothing of it is of use. */
function salvage(entry: unknown, schema: z.ZodType, report: Report): unknown {
  let rest = entry;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { data, error } = schema.safeParse(rest);
    if (error === undefined) return data;
    // What is wrong only as something is left out was reported as that.
    if (tries === 0) reportIssues(error.issues, report, [], schema);
    if (typeof rest !== 'object' || rest === null) return undefined;
    const paths: Path[] = [];
    reportIssues(error.issues, path => paths.push(path));
    rest = structuredClone(rest);
    // From the second try on as a whole: a part that must be there cannot be left out.
    for (const path of paths) leaveOut(rest as object, tries === 0 ? path : path.slice(0, 1));
    rest = { filter: '', ...(rest as object) };
  }
  return undefined;
}

function leaveOut(from: object, path: Path): void {
  let at: unknown = from;
  for (const key of path.slice(0, -1)) at = Object(at)[key];
  const last = path.at(-1);
  if (last === undefined) return;
  if (Array.isArray(at)) at.splice(Number(last), 1);
  else delete Object(at)[last];
}

/** The filter; as text where it is not one. One that is missing has been reported. */
function filterOf(entry: unknown, report: Report): Filter | string {
  const text: unknown = Object(entry).filter;
  if (typeof text !== 'string') return '';
  const filter = parseFilter(text);
  if (typeof filter === 'string') report(['filter'], filter);
  return typeof filter === 'string' ? text : filter;
}

/** Stands in for a filter that is wrong: whatever name a template may take from it, it has. */
function unreadableFilter(text: string, entry: unknown): Filter {
  const names = JSON.stringify(entry).matchAll(/\{([a-z][a-z0-9_]*)#?\}/gi);
  return {
    text,
    subscription: text,
    levels: [text],
    names: new Map([...names].map(([, name]) => [name!, 0])),
  };
}
