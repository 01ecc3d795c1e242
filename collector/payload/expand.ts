import { didYouMean, nearestNames } from '../../base/nearest.ts';
import type { Preset } from './presets.ts';

type Place = readonly (string | number)[];
type Entry = Record<string, unknown>;

/** Where in the file keys of an entry are written. */
interface Source {
  place: Place;
  /** What is written there. */
  written: unknown;
}

/** An entry with all presets written out. */
export interface PlacedEntry {
  entry: unknown;
  /** Where its keys stand: what overrules others first. A shipped preset stands in no file of the user's. */
  sources: readonly Source[];
}

interface Expansion {
  presets: ReadonlyMap<string, Preset>;
  /** Takes in unknown presets, loops, and what cannot be put into the preset. */
  report: (path: Place, message: string) => void;
  /** Presets that an entry uses. */
  used: Set<string>;
}

/**
 * Writes out every `use` of a list of entries.
 * @param at where the list stands.
 * @param within the presets that the list is part of.
 */
export function expandUses(
  entries: readonly unknown[],
  at: Place,
  expansion: Expansion,
  within: readonly string[] = [],
): PlacedEntry[] {
  return entries.flatMap((entry, index): PlacedEntry[] => {
    const source = { place: [...at, index], written: entry };
    return isUse(entry)
      ? expand(entry, source, expansion, within)
      : [{ entry, sources: at.length > 0 ? [source] : [] }];
  });
}

function expand(used: Entry, source: Source, expansion: Expansion, within: readonly string[]): PlacedEntry[] {
  const { use, filter, base, ...more } = used;
  const report = (key: string, message: string) => expansion.report([...source.place, key], message);
  if (typeof use !== 'string') {
    report('use', 'must be the name of a preset');
    return [];
  }
  const name = presetFor(use, expansion.presets, report);
  if (name === undefined) return [];
  if (within.includes(name)) {
    report('use', `must not lead back to itself: ${[...within, name].join(' uses ')}`);
    return [];
  }
  expansion.used.add(name);
  const preset = expansion.presets.get(name)!;
  const written = expandUses(preset.topics, preset.place ?? [], expansion, [...within, name]);
  const placed = (entry: unknown, { sources }: PlacedEntry) => ({ entry, sources: [source, ...sources] });
  if (base !== undefined && filter !== undefined) report('base', 'must not be there beside filter');
  else if (base !== undefined && (typeof base !== 'string' || base === ''))
    report('base', 'must be the first levels of the preset’s topics');
  else if (base !== undefined && preset.base === undefined)
    report('base', `must not be there: the topics of ${name} have no base; name a filter instead`);
  if (filter !== undefined) {
    const main = mainOf(written);
    return main === undefined ? [] : [placed({ ...merge(main.entry, more), filter }, main)];
  }
  return written.map(one => {
    const merged = isIgnored(one.entry) ? (one.entry as Entry) : merge(one.entry, more);
    return placed(
      typeof base === 'string' && preset.base !== undefined
        ? { ...merged, filter: rebased(merged.filter, preset.base, base) }
        : merged,
      one,
    );
  });
}

/**
 * The preset that is meant. An unknown one is reported; the one that is likeliest meant stands in for it, so that what else
 * is wrong with the entry is reported at the same time.
 */
function presetFor(
  use: string,
  presets: ReadonlyMap<string, Preset>,
  report: (key: string, message: string) => void,
): string | undefined {
  if (presets.has(use)) return use;
  const names = [...presets.keys()];
  report('use', `must be one of ${names.join(', ')}; not ${use}${didYouMean(use, names)}`);
  return nearestNames(use, names)[0];
}

function isUse(entry: unknown): entry is Entry {
  return isMap(entry) && 'use' in entry;
}

function isIgnored(entry: unknown): boolean {
  return isMap(entry) && entry.ignore === true;
}

/** What an entry says overrules the preset; of the time, key by key. */
function merge(entry: unknown, more: Entry): Entry {
  if (!isMap(entry)) return more;
  const merged = { ...entry, ...more };
  if (isMap(entry.time) && isMap(more.time)) merged.time = { ...entry.time, ...more.time };
  return merged;
}

/** The entry that takes what those before it leave: whose filter is open at its end; otherwise the first. */
function mainOf(written: readonly PlacedEntry[]): PlacedEntry | undefined {
  const taken = written.filter(({ entry }) => !isIgnored(entry));
  return taken.find(({ entry }) => isMap(entry) && /#\}?$/.test(String(entry.filter))) ?? taken[0];
}

function isMap(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function rebased(filter: unknown, from: string, to: string): unknown {
  if (typeof filter !== 'string' || !`${filter}/`.startsWith(`${from}/`)) return filter;
  return to + filter.slice(from.length);
}
