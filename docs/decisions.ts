import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { markdownTable } from './markdown-table.ts';

const FOLDER = join(import.meta.dirname, 'decisions');

const INTRODUCTION = `# Decisions

Why Sluice is as it is: a page each, with the context, the decision, what was turned down, and the consequences.

Written by \`npm run docs\` from the pages.
`;

/** The text of docs/decisions/README.md. @throws {Error} naming a page without its number, title or status. */
export async function decisionsPage(): Promise<string> {
  const files = (await readdir(FOLDER)).filter(name => /^\d{4}-.*\.md$/.test(name)).sort();
  const rows = await Promise.all(
    files.map(async file => decisionRow(file, await readFile(join(FOLDER, file), 'utf8'))),
  );
  return `${INTRODUCTION}\n${markdownTable(['Decision', 'Status'], rows)}\n`;
}

function decisionRow(file: string, text: string): [string, string] {
  const head = /^# (\d{4} .+)\n\nStatus: (.+)\.\n\n/.exec(text);
  if (head === null || !file.startsWith(head[1]!.slice(0, 4)))
    throw new Error(
      `docs/decisions/${file} must begin with "# <number> <title>", and then "Status: accepted."`,
    );
  return [`[${head[1]}](${file})`, head[2]!];
}
