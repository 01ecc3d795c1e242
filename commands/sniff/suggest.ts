import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { shippedPresets } from '../../collector/payload/presets.ts';
import type { Topics } from '../../collector/payload/topics.ts';
import { readTopics } from '../../collector/payload/topics-file.ts';
import { recipeFor, unmapped } from './generic-entry.ts';
import { zoneLine } from './local-times.ts';
import { judge, shown } from './message.ts';
import type { SeenTopic } from './seen-topics.ts';
import { attributeFilters, statestreamBases } from './statestream.ts';
import { filtersBeside, isBelow } from './topics-beside.ts';

/** A preset, as a file that uses nothing else would decide. */
interface Candidate {
  name: string;
  /** In YAML. */
  entry: string;
  topics: Topics;
  /** Whether its topics begin with levels of its own. Others (`+/sensor/+/state`) come last: they match what is not theirs. */
  hasBase: boolean;
  /** Of a Statestream. */
  base?: string;
}

/** Its topics are told from ESPHome's by more than their form. */
const STATESTREAM = 'home-assistant';
const SCHEMA = join(import.meta.dirname, '../../docs/devices/topics.schema.json');

export interface SuggestOptions {
  /** SENSOR_TIMEZONE. */
  zone: string;
  /** Default: that of the process. */
  machineZone?: string;
  /** Where the file will be: the schema that editors complete it by is named from there. */
  folder: string;
}

/** A topic without a preset, and how to take it. */
interface Generic {
  topic: string;
  recipe: string;
}

/**
 * Writes a topics file that would take what was seen: presets where their messages are recognised, otherwise an entry for
 * each kind of topic; what nobody can decide stands there as comments.
 */
export function suggest(seen: readonly SeenTopic[], { zone, folder, machineZone }: SuggestOptions): string {
  const { used, ignored, rest } = recognise(seen, zone);
  const generic: Generic[] = [];
  const undecided: string[] = [];
  for (const seenTopic of rest) {
    const { topic, last } = seenTopic;
    if (topic.startsWith('$')) continue;
    const recipe = recipeFor(seenTopic);
    if (typeof recipe === 'string') {
      undecided.push(`# Not taken: ${oneLine(topic)} (${recipe}): ${shown(last.payload, 60)}`);
      continue;
    }
    generic.push({ topic, recipe: recipe.join('\n    ') });
    const left = unmapped(seenTopic);
    if (left.length > 0) undecided.push(`# Without a number yet: ${oneLine(topic)}: ${left.join(', ')}`);
  }
  const entries = [
    ...merged(generic),
    ...used.map(({ entry }) => `  - ${entry}`),
    ...ignored.map(filter => `  - { filter: ${JSON.stringify(filter)}, ignore: true }`),
  ];
  const body = [
    entries.length === 0
      ? '# Nothing was seen that could be taken.\ntopics: [{ filter: "sensors/#" }]'
      : 'topics:',
    ...entries,
    ...(undecided.length === 0 ? [] : ['', ...undecided.sort()]),
    '',
  ].join('\n');
  const zoned = zoneLine(seen, body, [
    zone,
    machineZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone,
  ]);
  return [
    ...(existsSync(SCHEMA) ? [`# yaml-language-server: $schema=${relative(folder, SCHEMA)}`] : []),
    '# Written by `sluice sniff --suggest` from what it saw. The first entry whose filter matches a topic decides.',
    ...(zoned === undefined ? [] : [zoned]),
    body,
  ].join('\n');
}

/** The presets whose messages are among what was seen, and what none of them decides. */
function recognise(
  seen: readonly SeenTopic[],
  zone: string,
): { used: Candidate[]; ignored: string[]; rest: SeenTopic[] } {
  const used: Candidate[] = [];
  const ignored: string[] = [];
  let rest = [...seen];
  for (const candidate of candidates(seen, zone)) {
    const verdicts = rest.map(topic => ({ topic, outcome: outcomeOf(candidate, topic) }));
    const readings = verdicts.filter(({ outcome }) => outcome === 'readings').length;
    const rejected = verdicts.filter(({ outcome }) => outcome === 'rejected').length;
    if (readings === 0 || rejected > readings) continue;
    used.push(candidate);
    const left = verdicts.filter(({ outcome }) => outcome === 'no entry').map(({ topic }) => topic);
    const taken = verdicts.filter(({ outcome }) => outcome === 'readings').map(({ topic }) => topic);
    const beside = [
      ...filtersBeside(candidate.name, taken, left),
      ...(candidate.base === undefined ? [] : attributeFilters(left, candidate.base)),
    ];
    ignored.push(...beside);
    rest = left.filter(({ topic }) => !beside.some(filter => isBelow(filter, topic)));
  }
  return { used, ignored, rest };
}

function candidates(seen: readonly SeenTopic[], zone: string): Candidate[] {
  const all = [...shippedPresets()]
    .filter(([name]) => name !== STATESTREAM)
    .map(([name, { base }]) =>
      candidate(name, `use: ${name}`, base !== undefined || name === 'tasmota', zone),
    );
  const statestreams = statestreamBases(seen).map(base => {
    const entry = `use: ${STATESTREAM}`;
    const based = base === 'homeassistant' ? entry : `{ ${entry}, base: ${JSON.stringify(base)} }`;
    return { ...candidate(STATESTREAM, based, true, zone), base };
  });
  return [...statestreams, ...all.sort((a, b) => Number(b.hasBase) - Number(a.hasBase))];
}

function candidate(name: string, entry: string, hasBase: boolean, zone: string): Candidate {
  return { name, entry, topics: readTopics(`topics:\n  - ${entry}`, { zone }), hasBase };
}

/** The best that a preset makes of a topic's payloads. */
function outcomeOf({ topics }: Candidate, { topic, samples, last }: SeenTopic): string {
  const outcomes = samples.map(payload => judge(topics, { ...last, retain: false, topic, payload }).outcome);
  if (outcomes.length === 0) return judge(topics, last).outcome;
  return (
    ['readings', 'rejected', 'nothing', 'ignored'].find(one => outcomes.includes(one as never)) ?? 'no entry'
  );
}

/** An entry for each topic; topics of one form that differ in one level share one, with a + there. */
function merged(generic: readonly Generic[]): string[] {
  const groups = new Map<string, Generic[]>();
  for (const each of generic) {
    const levels = each.topic.split('/');
    const key = JSON.stringify([
      levels.length,
      levels[0],
      levels.length > 2 ? levels.at(-1) : '',
      each.recipe,
    ]);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  const entries = new Map<string, string>();
  for (const group of groups.values()) {
    const topics = group.map(({ topic }) => topic);
    const filter = generalised(topics);
    // Where topics of one form are taken in two ways, those of the second are named one by one.
    for (const one of entries.has(filter) ? topics : [filter]) entries.set(one, group[0]!.recipe);
  }
  // What is said exactly goes before what is said with wildcards.
  return [...entries]
    .sort(([a], [b]) => wildcards(a) - wildcards(b) || (a < b ? -1 : 1))
    .map(
      ([filter, recipe]) => `  - filter: ${JSON.stringify(filter)}${recipe === '' ? '' : `\n    ${recipe}`}`,
    );
}

function generalised(topics: readonly string[]): string {
  const split = topics.map(topic => topic.split('/'));
  return split[0]!.map((level, at) => (split.every(levels => levels[at] === level) ? level : '+')).join('/');
}

function wildcards(filter: string): number {
  return filter.split('/').filter(level => level === '+').length;
}

function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?');
}
