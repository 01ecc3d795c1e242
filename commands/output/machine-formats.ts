import { stringify } from 'csv-stringify/sync';
import type { Answer, Cell, Column } from './answer.ts';

/** CSV (RFC 4180) with a header, which comes with the first rows, or alone where there are none; NULL is an empty field. */
export async function* csv({ columns, rows }: Answer): AsyncGenerator<string> {
  let header = stringify([columns.map(({ name }) => name)]);
  for await (const block of rows) {
    yield header + stringify(block);
    header = '';
  }
  if (header !== '') yield header;
}

/** An array of objects, one a line. */
export async function* json({ columns, rows }: Answer): AsyncGenerator<string> {
  let separator = '[\n';
  for await (const block of rows) {
    yield separator + block.map(row => object(row, columns)).join(',\n');
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n';
}

function object(row: Cell[], columns: Column[]): string {
  const fields = row.map((cell, column) => {
    const { name, kind } = columns[column]!;
    return `${JSON.stringify(name)}:${jsonValue(cell, kind)}`;
  });
  return `{${fields.join(',')}}`;
}

/** Numbers keep their digits, also those that a double has no room for. JSON has no NaN: those are text. */
function jsonValue(cell: Cell, kind: Column['kind']): string {
  if (cell === null) return 'null';
  const literal = kind === 'json' || kind === 'boolean' || (kind !== 'text' && /\d/.test(cell));
  return literal ? cell : JSON.stringify(cell);
}
