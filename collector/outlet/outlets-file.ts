import { basename } from 'node:path';
import {
  PositionedYaml,
  readYamlFile,
  reportIssues,
  reportRepeatedNames,
  YamlFileError,
} from '../../base/positioned-yaml.ts';
import type { Surroundings } from './kind.ts';
import { kinds } from './kinds.ts';
import { type OutletEntry, outletsOutline, schemaOf } from './outlets-schema.ts';

/** What problems call the file. */
const WHAT = 'outlets file (OUTLETS_FILE)';

/**
 * Reads the file that OUTLETS_FILE names.
 * @throws {YamlFileError} with every mistake at once, or because there is no such file.
 */
export function readOutletsFile(path: string, surroundings: Surroundings): OutletEntry[] {
  return readOutlets(readYamlFile(path, WHAT), surroundings, basename(path));
}

/**
 * Reads an outlets file's text.
 * @param name what problems call the file.
 * @throws {YamlFileError} with every mistake at once.
 */
export function readOutlets(text: string, surroundings: Surroundings, name = 'outlets file'): OutletEntry[] {
  const yaml = new PositionedYaml(text, name);
  const { data, error } = outletsOutline.safeParse(yaml.read());
  // A file that is not YAML is not held against a schema.
  if (error !== undefined && yaml.problems.length === 0)
    reportIssues(error.issues, (at, message) => yaml.report(at, message));
  const said = data?.outlets ?? [];
  reportRepeatedNames(said, ['outlets'], (at, message) => yaml.report(at, message));
  const entries = said.flatMap((entry, index) => {
    const at = ['outlets', index];
    const { data: read, error } = schemaOf(entry).safeParse(entry);
    if (error !== undefined) {
      reportIssues(error.issues, (path, message) => yaml.report(path, message), at);
      return [];
    }
    const outlet = read as OutletEntry;
    kinds
      .find(({ name }) => name === outlet.kind)!
      .examine?.(outlet, surroundings, (key, message) => yaml.report([...at, key], message));
    return [outlet];
  });
  if (yaml.problems.length > 0) throw new YamlFileError(WHAT, yaml.problems);
  return entries;
}
