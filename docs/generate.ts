/*
 * Writes what follows from code: settings.md, `.env.example` and the settings of docker-compose.yml from base/settings.ts,
 * metrics.md from collector/serve/metrics.ts, queries.md from db/queries, and the index of decisions from its pages.
 *
 *   npm run docs
 *
 * test/docs fails when they differ.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { settings } from '../base/settings.ts';
import { alertsJsonSchema } from '../collector/outlet/alerts/alerts-schema.ts';
import { outletsJsonSchema } from '../collector/outlet/outlets-schema.ts';
import { topicsJsonSchema } from '../collector/payload/topics-schema.ts';
import { readShelf } from '../commands/query/shelf.ts';
import { composeVariables, composeWithSettings } from './compose.ts';
import { decisionsPage } from './decisions.ts';
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

const SETTINGS = `# Settings

Settings come from the environment, or from a file \`.env\` in the current folder; \`.env.example\` lists them. The environment goes
before \`.env\`. All mistakes are reported at once, before anything is started. What holds a password may also be named by a
file: with \`DATABASE_URL_FILE=/run/secrets/database_url\` the value is read from there.

Written by \`npm run docs\` from base/settings.ts.
`;

/** The text of docs/settings.md. */
export function settingsPage(all: DocumentedSettings = settings): string {
  return `${SETTINGS}\n${settingsTable(all)}\n`;
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
  const parts = (names: DocumentedSettings) =>
    Object.entries(names).map(([name, setting]) => {
      const unit = setting.unit ? ` In ${setting.unit}.` : '';
      return `${comment(meaningOf(name, setting) + unit)}#${name}=${quoted(setting.default ?? '')}\n`;
    });
  return [
    '# Copy this file to .env and take the # away from the lines that you change. The environment goes before .env.\n' +
      '# A value with a # or a $ stands in single quotes.\n' +
      '# Written by `npm run docs` from base/settings.ts.\n',
    ...parts(all),
    '# --- For docker compose only\n',
    ...parts(composeVariables),
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
  await writeFile(join(root, 'docs', 'settings.md'), settingsPage());
  await writeFile(join(root, '.env.example'), envExample());
  const compose = join(root, 'docker-compose.yml');
  await writeFile(compose, composeWithSettings(await readFile(compose, 'utf8')));
  await writeFile(join(root, 'docs', 'metrics.md'), metricsPage());
  await writeFile(join(root, 'docs', 'queries.md'), queriesPage(await readShelf()));
  await writeFile(join(root, 'docs', 'decisions', 'README.md'), await decisionsPage());
  const schemas = {
    'devices/topics': topicsJsonSchema(),
    outlets: outletsJsonSchema(),
    alerts: alertsJsonSchema(),
  };
  for (const [name, schema] of Object.entries(schemas)) {
    await writeFile(join(root, 'docs', `${name}.schema.json`), `${JSON.stringify(schema, null, 2)}\n`);
  }
}
