/*
 * Writes what the documents say about settings from base/settings.ts (README's table and `.env.example`), and about
 * queries from db/queries (docs/queries.md).
 *
 *   npm run docs
 *
 * test/docs fails when they differ.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { settings } from '../base/settings.ts';
import { readShelf } from '../commands/query/shelf.ts';
import { markdownTable } from './markdown-table.ts';
import { metricsPage } from './metrics.ts';
import { queriesPage } from './queries-page.ts';

/** What the documents tell of a setting. */
export interface DocumentedSetting {
  default: string | undefined;
  unit?: string;
  meaning: string;
  secret?: true;
}

export type DocumentedSettings = Readonly<Record<string, DocumentedSetting>>;

const BEGIN = '<!-- settings: written by `npm run docs` from base/settings.ts -->';
const END = '<!-- end of settings -->';

/** README with its table of settings as it should be. @throws {Error} where the two markers are missing. */
export function readmeWithSettings(readme: string, all: DocumentedSettings = settings): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`README.md must have the lines ${BEGIN} and ${END}, with the table between them`);
  }
  return `${readme.slice(0, begin)}${BEGIN}\n${settingsTable(all)}\n${readme.slice(end)}`;
}

/** A Markdown table: name, default with its unit, meaning. */
export function settingsTable(all: DocumentedSettings): string {
  const rows = Object.entries(all).map(([name, setting]) => [
    `\`${name}\``,
    setting.default === undefined ? '' : `\`${setting.default}\`${setting.unit ? ` ${setting.unit}` : ''}`,
    meaningOf(name, setting),
  ]);
  return markdownTable(['Setting', 'Default', 'Meaning'], rows);
}

/** The text of `.env.example`: every setting with its default, commented out, so that a copy of it changes nothing. */
export function envExample(all: DocumentedSettings = settings): string {
  const parts = Object.entries(all).map(([name, setting]) => {
    const unit = setting.unit ? ` In ${setting.unit}.` : '';
    return `${comment(meaningOf(name, setting) + unit)}#${name}=${quoted(setting.default ?? '')}\n`;
  });
  return [
    '# Copy this file to .env and take the # away from the lines that you change. The environment goes before .env.\n' +
      '# A value with a # or a $ stands in single quotes.\n' +
      '# Written by `npm run docs` from base/settings.ts.\n',
    ...parts,
  ].join('\n');
}

/** In an environment file a # begins a comment, except in quotes. */
function quoted(value: string): string {
  return value.includes('#') ? `'${value}'` : value;
}

/** Lines of a comment, broken between words. */
function comment(text: string): string {
  return text.replaceAll(/(?=\S)(.{1,108})(?:\s+|$)/g, '# $1\n');
}

function meaningOf(name: string, { meaning, secret }: DocumentedSetting): string {
  return secret ? `${meaning} A secret: \`${name}_FILE\` names a file to read it from.` : meaning;
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  const readme = join(root, 'README.md');
  await writeFile(readme, readmeWithSettings(await readFile(readme, 'utf8')));
  await writeFile(join(root, '.env.example'), envExample());
  await writeFile(join(root, 'docs', 'metrics.md'), metricsPage());
  await writeFile(join(root, 'docs', 'queries.md'), queriesPage(await readShelf()));
}
