import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PositionedYaml, reportIssues } from '../../base/positioned-yaml.ts';
import { presetOutline } from './topics-schema.ts';

/** Entries that have a name, so that a topics file can `use` them. */
export interface Preset {
  /** The first levels of its filters, which an entry's `base` stands in for. */
  base?: string | undefined;
  topics: readonly unknown[];
  /** Where its topics stand in the topics file; undefined: it ships with Sluice. */
  place?: readonly (string | number)[];
}

const FOLDER = join(import.meta.dirname, 'presets');

/** Read once: parsing them takes longer than all else that is read of a topics file. */
let shipped: ReadonlyMap<string, Preset> | undefined;

/** The presets that ship with Sluice, by name: the files in presets/. */
export function shippedPresets(): ReadonlyMap<string, Preset> {
  if (shipped !== undefined) return shipped;
  const names = readdirSync(FOLDER).filter(name => name.endsWith('.yaml'));
  shipped = new Map(
    names.sort().map(name => [name.slice(0, -'.yaml'.length), readPreset(join(FOLDER, name))]),
  );
  return shipped;
}

function readPreset(path: string): Preset {
  const yaml = new PositionedYaml(readFileSync(path, 'utf8'), path);
  const { data, error } = presetOutline.safeParse(yaml.read());
  if (error !== undefined) reportIssues(error.issues, (at, message) => yaml.report(at, message));
  if (data === undefined || yaml.problems.length > 0) throw new Error(yaml.problems.join('\n'));
  return data;
}
