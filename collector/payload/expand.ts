import type { Preset } from './presets.ts';

/** An entry with all presets written out, and where it stands in the file. */
export interface PlacedEntry {
  entry: unknown;
  place: readonly (string | number)[];
  /** The entry as it stands there: a preset may have written the rest. */
  written: unknown;
}

type Report = (path: readonly (string | number)[], message: string) => void;
type Entry = Record<string, unknown>;

/** Writes out every `use`. @param report takes in unknown presets, loops, and what cannot be put into the preset. */
export function expandUses(
  topics: readonly unknown[],
  presets: ReadonlyMap<string, Preset>,
  report: Report,
): PlacedEntry[] {
  return topics.flatMap((entry, at): PlacedEntry[] => {
    const place = ['topics', at];
    if (!isUse(entry)) return [{ entry, place, written: entry }];
    const all = expand(entry, presets, [], (key, message) => report([...place, key], message));
    return all.map(each => ({ entry: each, place, written: entry }));
  });
}

function expand(
  { use, filter, base, ...more }: Entry,
  presets: ReadonlyMap<string, Preset>,
  within: readonly string[],
  report: (key: string, message: string) => void,
): Entry[] {
  if (typeof use !== 'string' || (base !== undefined && typeof base !== 'string')) {
    report(typeof use === 'string' ? 'base' : 'use', 'must be text');
    return [];
  }
  const preset = presets.get(use);
  if (preset === undefined) {
    report('use', `must be one of ${[...presets.keys()].join(', ')}; not ${use}`);
    return [];
  }
  if (within.includes(use)) {
    report('use', `must not lead back to itself: ${[...within, use].join(' uses ')}`);
    return [];
  }
  const written = preset.topics.flatMap(entry =>
    isUse(entry) ? expand(entry, presets, [...within, use], report) : [entry as Entry],
  );
  if (filter !== undefined) {
    if (base !== undefined) report('base', 'must not be there beside filter');
    const main = written.find(({ ignore }) => ignore !== true);
    return main === undefined ? [] : [{ ...merge(main, more), filter }];
  }
  if (base !== undefined && preset.base === undefined) {
    report('base', `must not be there: the topics of ${use} have no base; name a filter instead`);
    return [];
  }
  return written.map(entry => {
    const merged = entry.ignore === true ? entry : merge(entry, more);
    return base === undefined
      ? merged
      : { ...merged, filter: rebased(entry.filter, preset.base!, base as string) };
  });
}

function isUse(entry: unknown): entry is Entry {
  return typeof entry === 'object' && entry !== null && !Array.isArray(entry) && 'use' in entry;
}

/** What an entry says overrules the preset; of the time, key by key. */
function merge(entry: Entry, more: Entry): Entry {
  const merged = { ...entry, ...more };
  if (isMap(entry.time) && isMap(more.time)) merged.time = { ...entry.time, ...more.time };
  return merged;
}

function isMap(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function rebased(filter: unknown, from: string, to: string): unknown {
  if (typeof filter !== 'string' || !`${filter}/`.startsWith(`${from}/`)) return filter;
  return to + filter.slice(from.length);
}
