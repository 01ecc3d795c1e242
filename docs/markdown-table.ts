/** A table in Markdown, its columns padded, as the formatter would have it. A | in a cell is a character like any other. */
export function markdownTable(head: string[], rows: string[][]): string {
  const cells = [head, ...rows].map(row => row.map(cell => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(...cells.map(row => row[column]!.length)));
  const rule = widths.map(width => '-'.repeat(width));
  return [cells[0]!, rule, ...cells.slice(1)]
    .map(row => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
    .join('\n');
}
