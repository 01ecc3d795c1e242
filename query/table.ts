import type { Answer, Cell, Column } from './answer.ts';

/** What a double is good for: the noise of its last digits is nothing to look at. csv and json have them all. */
const DIGITS = 9;

/**
 * An answer for people: columns side by side, numbers to the right, and how many rows there were.
 *
 * Columns are as wide as the first rows ask (the first block of them); a wider value later on moves its line only.
 */
export async function* table({ columns, rows }: Answer): AsyncGenerator<string> {
  let widths: number[] | undefined;
  let count = 0;
  for await (const block of rows) {
    const cells = block.map(row => row.map((cell, column) => shown(cell, columns[column]!)));
    if (widths === undefined) {
      widths = widthsOf(columns, cells);
      yield heading(columns, widths);
    }
    count += cells.length;
    yield cells.map(row => line(row, columns, widths!)).join('');
  }
  if (widths === undefined) yield heading(columns, widthsOf(columns, []));
  yield `(${count} ${count === 1 ? 'row' : 'rows'})\n`;
}

function shown(cell: Cell, { kind }: Column): string {
  if (cell === null) return '';
  if (kind === 'float' && Number.isFinite(Number(cell)))
    return String(Number(Number(cell).toPrecision(DIGITS)));
  // Text is of strangers: nothing in it may turn the terminal.
  return cell.replaceAll(/\p{Cc}/gu, control => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function widthsOf(columns: Column[], cells: string[][]): number[] {
  return columns.map(({ name }, column) =>
    cells.reduce((widest, row) => Math.max(widest, widthOf(row[column]!)), widthOf(name)),
  );
}

function heading(columns: Column[], widths: number[]): string {
  const names = columns.map(({ name }, column) => name.padEnd(widths[column]!));
  return `${` ${names.join(' | ')}`.trimEnd()}\n${widths.map(width => '-'.repeat(width + 2)).join('+')}\n`;
}

function line(row: string[], columns: Column[], widths: number[]): string {
  const cells = row.map((cell, column) => {
    const space = ' '.repeat(Math.max(0, widths[column]! - widthOf(cell)));
    const { kind } = columns[column]!;
    return kind === 'float' || kind === 'number' ? space + cell : cell + space;
  });
  return `${` ${cells.join(' | ')}`.trimEnd()}\n`;
}

/** In characters, not in UTF-16 units. */
function widthOf(text: string): number {
  return [...text].length;
}
