import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { type Zone, zoneOf } from '../../base/time.ts';
import { expandUses, type PlacedEntry } from './expand.ts';
import { type Filter, parseFilter } from './filter.ts';
import type { EntryContext } from './format.ts';
import { SluiceDecoder } from './formats/sluice.ts';
import { formats } from './formats.ts';
import type { Memory } from './memory.ts';
import { PositionedYaml, reportIssues } from './positions.ts';
import { shippedPresets } from './presets.ts';
import { type TopicEntry, Topics } from './topics.ts';
import { schemaOf, topicsOutline } from './topics-schema.ts';

/** The topics file was read, and at least one thing in it is wrong. `problems` has a line for each, with its place. */
export class TopicsFileError extends UsageError {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`The topics file (TOPICS_FILE) is wrong:\n${problems.map(problem => `  ${problem}`).join('\n')}`);
    this.name = 'TopicsFileError';
    this.problems = problems;
  }
}

export interface TopicsOptions {
  /** Of times that name no offset, where the file says nothing else: SENSOR_TIMEZONE, a name of the IANA database. */
  zone: string;
  /** For formats that learn from earlier messages: the recorder's, and nobody else's. */
  memory?: Memory;
}

/**
 * Reads the file that TOPICS_FILE names.
 * @throws {TopicsFileError} with every mistake at once, or because there is no such file.
 */
export function readTopicsFile(path: string, options: TopicsOptions): Topics {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new TopicsFileError([`${path} cannot be read: ${(error as Error).message}`]);
  }
  return readTopics(text, options, basename(path));
}

/**
 * Reads a topics file's text, or what `Topics.text` says: that is the same file with all presets written out, so that it
 * means the same in another thread, with other settings, or in a later version.
 * @param name what problems call the file.
 * @throws {TopicsFileError} with every mistake at once.
 */
export function readTopics(text: string, options: TopicsOptions, name = 'topics file'): Topics {
  const yaml = new PositionedYaml(text, name);
  const { data, error } = topicsOutline.safeParse(yaml.read());
  // A file that is no YAML is not held against a schema.
  if (error !== undefined && yaml.problems.length === 0)
    reportIssues(error.issues, (at, message) => yaml.report(at, message));
  if (data === undefined) throw new TopicsFileError(yaml.problems);
  const presets = new Map([...shippedPresets(), ...Object.entries(data.presets ?? {})]);
  const placed = expandUses(data.topics, presets, (path, message) => yaml.report(path, message));
  const zone = data.zone ?? options.zone;
  const reader = new EntryReader(yaml, zoneOf(zone), zoneOf(options.zone), options.memory);
  const entries = placed.flatMap(entry => reader.read(entry) ?? []);
  if (yaml.problems.length > 0) throw new TopicsFileError(yaml.problems);
  const written = JSON.stringify({ zone, topics: placed.map(({ entry }) => entry) });
  return new Topics(entries, written, zoneOf(options.zone));
}

/** Makes entries of what the file says, and reports what is wrong with them. */
class EntryReader {
  readonly #yaml: PositionedYaml;
  readonly #zone: Zone;
  readonly #plainZone: Zone;
  readonly #memory: Memory | undefined;
  readonly #filters = new Map<string, string>();

  constructor(yaml: PositionedYaml, zone: Zone, plainZone: Zone, memory: Memory | undefined) {
    this.#yaml = yaml;
    this.#zone = zone;
    this.#plainZone = plainZone;
    this.#memory = memory;
  }

  /** @returns undefined where something was reported. */
  read({ entry, place, written }: PlacedEntry): (TopicEntry & { filter: Filter }) | undefined {
    const report: EntryContext['report'] = (path, message) => {
      const isWritten = written === entry || (path.length > 0 && Object.hasOwn(written as object, path[0]!));
      if (isWritten) this.#yaml.report([...place, ...path], message);
      else this.#yaml.report([...place, 'use'], `writes an entry whose ${path[0] ?? 'form'} ${message}`);
    };
    const { data, error } = schemaOf(entry).safeParse(entry);
    if (error !== undefined) {
      reportIssues(error.issues, report);
      return undefined;
    }
    const { filter: text, format: name = 'sluice', ignore = false, retained, ...options } = data as RawEntry;
    const filter = parseFilter(text);
    if (typeof filter === 'string') {
      report(['filter'], filter);
      return undefined;
    }
    this.#reportTwice(filter, report);
    const common = { filter, name: filter.text, ignore };
    if (ignore) {
      const decoder = new SluiceDecoder(this.#plainZone);
      return { ...common, decoder, hasEnvelope: false, retained: 'skip', hasOwnTime: false };
    }
    const context: EntryContext = {
      filter,
      zone: this.#zone,
      plainZone: this.#plainZone,
      memory: this.#memory,
      report,
    };
    const made = formats.find(format => format.name === name)!.create(options as never, context);
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

  #reportTwice(filter: Filter, report: EntryContext['report']): void {
    const before = this.#filters.get(filter.levels.join('/'));
    if (before !== undefined)
      report(['filter'], `must not be there twice: ${before} comes first and takes all`);
    this.#filters.set(filter.levels.join('/'), filter.text);
  }
}

interface RawEntry {
  filter: string;
  format?: string;
  ignore?: boolean;
  retained?: 'skip' | 'take';
}
