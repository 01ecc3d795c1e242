import { basename } from 'node:path';
import { PositionedYaml, readYamlFile, reportIssues, YamlFileError } from '../../base/positioned-yaml.ts';
import { zoneOf } from '../../base/time.ts';
import { EntryReader } from './entry-reader.ts';
import { expandUses } from './expand.ts';
import type { Feedback } from './feedback.ts';
import { type Memory, ShortMemory } from './memory.ts';
import { type Preset, shippedPresets } from './presets.ts';
import { Topics } from './topics.ts';
import { topicsOutline } from './topics-schema.ts';

/** What problems call the file. */
const WHAT = 'topics file (TOPICS_FILE)';

/** The topics file was read, and at least one thing in it is wrong. */
export class TopicsFileError extends YamlFileError {
  constructor(problems: readonly string[]) {
    super(WHAT, problems);
    this.name = 'TopicsFileError';
  }
}

export interface TopicsOptions {
  /** Of times that name no offset, where the file says nothing else: SENSOR_TIMEZONE, a name of the IANA database. */
  zone: string;
  /** For formats that learn from earlier messages: the recorder's, and nobody else's. */
  memory?: Memory;
  /** What they notice meanwhile; the recorder's as well. */
  feedback?: Feedback;
}

/**
 * Reads the file that TOPICS_FILE names.
 * @throws {YamlFileError} because there is no such file; {@link TopicsFileError} with every mistake at once.
 */
export function readTopicsFile(path: string, options: TopicsOptions): Topics {
  return readTopics(readYamlFile(path, WHAT), options, basename(path));
}

/**
 * Reads a topics file's text, or what `Topics.text` says: that is the same file with all presets written out, so that it
 * means the same in another thread, with other settings, or in a later version.
 * @param name what problems call the file.
 * @throws {TopicsFileError} with every mistake at once; what is not YAML is reported alone.
 */
export function readTopics(text: string, options: TopicsOptions, name = 'topics file'): Topics {
  const yaml = new PositionedYaml(text, name);
  const report = (path: readonly (string | number)[], message: string) => yaml.report(path, message);
  const said = yaml.read();
  if (said === undefined && yaml.problems.length > 0) throw new TopicsFileError(yaml.problems);
  const { error } = topicsOutline.safeParse(said);
  reportIssues(error?.issues ?? [], report, [], topicsOutline);
  const { topics, presets, zone = options.zone } = outlineOf(said, error !== undefined);
  const expansion = { presets: new Map([...shippedPresets(), ...presets]), report, used: new Set<string>() };
  const placed = expandUses(topics, ['topics'], expansion);
  const memory = options.memory ?? new ShortMemory();
  const { feedback } = options;
  const context = { zone: zoneOf(zone), plainZone: zoneOf(options.zone), memory, feedback, report };
  const reader = new EntryReader(context);
  const entries = placed.flatMap(entry => reader.read(entry) ?? []);
  for (const [name, { topics, place }] of presets) {
    if (expansion.used.has(name)) continue;
    const unused = new EntryReader(context);
    for (const entry of expandUses(topics, place!, expansion, [name])) unused.read(entry);
  }
  if (yaml.problems.length > 0) throw new TopicsFileError(yaml.problems);
  const written = JSON.stringify({ zone, topics: placed.map(({ entry }) => entry) });
  return new Topics(entries, written, zoneOf(options.zone));
}

interface Outline {
  zone?: string | undefined;
  topics: readonly unknown[];
  presets: Map<string, Preset>;
}

/** What can be read of a file's outline, so that its entries are looked at although something else is wrong. */
function outlineOf(said: unknown, isWrong: boolean): Outline {
  const { zone, topics, presets } = Object(said) as Record<string, unknown>;
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
  return {
    ...(typeof zone === 'string' && !isWrong && { zone }),
    topics: list(topics),
    presets: new Map(
      Object.entries(Object(presets)).map(([name, preset]) => {
        const { base, topics } = Object(preset) as Record<string, unknown>;
        const place = ['presets', name, 'topics'];
        return [name, { base: typeof base === 'string' ? base : undefined, topics: list(topics), place }];
      }),
    ),
  };
}
