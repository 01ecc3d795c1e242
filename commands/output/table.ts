import stringWidth from 'string-width';
import type { Answer, Cell, Column } from './answer.ts';

/** What a double is good for: the noise of its last digits is nothing to look at. csv and json have them all. */
const DIGITS = 9;

/** How a table is drawn. */
export interface TableStyle {
  /** Before each line. */
  edge: string;
  /** Between two columns. */
  gap: string;
  /** The same in the line below the names. */
  crossing: string;
  /** The name of a column of numbers: over their first digit, or over their last. */
  names: 'left' | 'as cells';
  /** What is counted below the last row: one, several. */
  counted: [string, string];
}

const answerStyle: TableStyle = {
  edge: ' ',
  gap: ' | ',
  crossing: '-+-',
  names: 'left',
  counted: ['row', 'rows'],
};

/**
 * An answer for people: columns side by side, numbers to the right, and how many rows there were.
 *
 * Columns are as wide as the first rows ask (the first block of them); a wider value later on moves its line only.
 */
export async function* table(
  { columns, rows }: Answer,
  style: TableStyle = answerStyle,
): AsyncGenerator<string> {
  let widths: number[] | undefined;
  let count = 0;
  for await (const block of rows) {
    const cells = block.map(row => row.map((cell, column) => shown(cell, columns[column]!)));
    if (widths === undefined) {
      widths = widthsOf(columns, cells);
      yield heading(columns, widths, style);
    }
    count += cells.length;
    yield cells.map(row => line(row, columns, widths!, style)).join('');
  }
  if (widths === undefined) yield heading(columns, widthsOf(columns, []), style);
  yield `(${count} ${style.counted[count === 1 ? 0 : 1]})\n`;
}

function shown(cell: Cell, { kind }: Column): string {
  if (cell === null) return '';
  if (kind === 'float' && Number.isFinite(Number(cell)))
    return String(Number(Number(cell).toPrecision(DIGITS)));
  // Text is of strangers: nothing in it may turn the terminal.
  return cell.replaceAll(/\p{Cc}/gu, control => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** How many columns of a terminal the columns take. */
function widthsOf(columns: Column[], cells: string[][]): number[] {
  return columns.map(({ name }, column) =>
    cells.reduce((widest, row) => Math.max(widest, stringWidth(row[column]!)), stringWidth(name)),
  );
}

function heading(columns: Column[], widths: number[], style: TableStyle): string {
  const names = columns.map(({ name }) => name);
  const aligned: Column[] = style.names === 'left' ? names.map(name => ({ name, kind: 'text' })) : columns;
  const end = '-'.repeat(style.edge.length);
  const rule = widths.map(width => '-'.repeat(width)).join(style.crossing);
  return `${line(names, aligned, widths, style)}${end}${rule}${end}\n`;
}

function line(row: string[], columns: Column[], widths: number[], { edge, gap }: TableStyle): string {
  const cells = row.map((cell, column) => {
    const space = ' '.repeat(Math.max(0, widths[column]! - stringWidth(cell)));
    const { kind } = columns[column]!;
    return kind === 'float' || kind === 'number' ? space + cell : cell + space;
  });
  return `${(edge + cells.join(gap)).trimEnd()}\n`;
}
