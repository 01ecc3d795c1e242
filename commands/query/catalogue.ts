import type { Parameter } from './query-file.ts';
import { readShelf, takeQuery } from './shelf.ts';

/**
 * What `sluice query` tells without asking the database: the list of all queries; of one, how to read its answer, or its SQL.
 * @throws {UsageError} for an unknown name.
 */
export async function catalogue(name: string | undefined, sql = false): Promise<string> {
  const shelf = await readShelf();
  if (name === undefined) {
    const list = aligned([...shelf].map(([key, { plain }]) => [key, plain.question]));
    return `${list}\n\`sluice query NAME\` asks one, \`sluice query NAME --help\` says how to read its answer.\n`;
  }
  const { plain } = takeQuery(shelf, name);
  if (sql) return plain.sql;
  return `${plain.name}: ${plain.question}\n\n${plain.help}\n\n${parametersText(plain.parameters)}`;
}

function parametersText(parameters: Parameter[]): string {
  const rows = parameters.map(({ name, type, meaning, default: value }) => [
    `  ${name}`,
    type,
    value === 'NULL' ? meaning : `${meaning} (default: ${value.replace(/^\((.*)\)$/, '$1')})`,
  ]);
  return `Parameters, for --set name=value; an empty value is NULL:\n${aligned(rows)}`;
}

function aligned(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  return rows
    .map(
      row =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
