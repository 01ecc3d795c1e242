import type { Parameter, QueryFile } from '../commands/query/query-file.ts';
import type { ShelvedQuery } from '../commands/query/shelf.ts';
import { markdownTable } from './markdown-table.ts';

const HEAD = `# Queries

The files of [db/queries](../db/queries), each a question with its answer in SQL. They run as they stand: with
\`psql -f db/queries/latest.sql\`, pasted into any tool that speaks PostgreSQL, or by name with \`npx sluice query\`.

Each begins with \`WITH params AS\`, a line for each parameter: change the values there, or give others with
\`npx sluice query NAME --set name=value\`. Times are \`2025-11-12\`, \`2025-11-12T10:15Z\` (without an offset in UTC),
\`today\` or \`yesterday\`; \`since\` counts and \`until\` does not. Means, uptimes and scores are at most a minute behind,
readings two seconds. \`NOT MATERIALIZED\` lets the planner see the values.

Those with a variant for TimescaleDB give the same answer there, sooner; \`npx sluice query\` takes the variant by itself.

Written by \`npm run docs\`.
`;

/** docs/queries.md: every query with its question, how to read its answer, and its parameters. */
export function queriesPage(shelf: ReadonlyMap<string, ShelvedQuery>): string {
  const list = [...shelf].map(([name, { plain }]) => `- [${name}](#${name}): ${plain.question}\n`);
  return `${HEAD}\n${list.join('')}\n${[...shelf.values()].map(section).join('\n')}`;
}

function section({ plain, variant }: ShelvedQuery): string {
  const { name, question, help, parameters } = plain;
  return `## ${name}\n\n**${question}**\n\n${help}\n\n${table(parameters)}\n\n${files(name, variant)}\n`;
}

function files(name: string, variant: QueryFile | undefined): string {
  const plain = `[${name}.sql](../db/queries/${name}.sql)`;
  if (variant === undefined) return plain;
  return `${plain}; [for TimescaleDB](../db/queries/timescaledb/${name}.sql)${variant.needs === 'community' ? ' under the Timescale License' : ''}`;
}

function table(parameters: Parameter[]): string {
  const rows = parameters.map(({ name, type, default: value, meaning }) => [
    `\`${name}\``,
    type,
    `\`${value}\``,
    meaning,
  ]);
  return markdownTable(['Parameter', 'Type', 'Default', 'Meaning'], rows);
}
