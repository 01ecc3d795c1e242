import type { MeasuredPart, Results } from './results.ts';
import type { Spread } from './stats.ts';
import type { Verdict } from './targets.ts';

/** A number with its least and its greatest: `43,100 (41,900–44,200)`; without them where there was one round. */
export function formatSpread({ median, min, max, rounds }: Spread, digits = 0): string {
  const text = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return rounds === 1 ? text(median) : `${text(median)} (${text(min)}–${text(max)})`;
}

/** The report as Markdown. @param chart path of the chart, relative to the report; undefined: there is none. */
export function reportText(results: Results, chart: string | undefined): string {
  const { command, quick, machine, parts, verdicts } = results;
  const measured = Object.values(parts);
  const seconds = measured.reduce((sum, part) => sum + part.seconds, 0);
  const paragraphs = [
    '# Results of the benchmark',
    `Written by \`${command}\`; all parts took ${duration(seconds)}. Nobody types figures into this file. Medians with the least and ` +
      'the greatest. A ratio is formed within a round, of what was measured a moment apart; then comes the median of the ratios.',
    ...(quick
      ? [
          '**A quick run**: it shows that everything runs and reports. Loads are small and rounds few, so the figures are rough.',
        ]
      : []),
    ...(verdicts.length > 0 ? ['## Targets', targetTable(verdicts)] : []),
    ...(chart === undefined ? [] : [`![Throughput and CPU against the number of sensors](${chart})`]),
    ...measured.flatMap(partText),
    '## Machine',
    table(
      ['', ''],
      Object.entries(machine).map(([name, value]) => [name, value]),
    ),
    'Publisher, broker, database and the side that is measured share this machine, each a process of its own. PostgreSQL is ' +
      'the one that Sluice brings along (plain tables, no TimescaleDB), as it is configured there.',
  ];
  return `${paragraphs.join('\n\n')}\n`;
}

function partText({ title, method, columns, rows, ...measured }: MeasuredPart): string[] {
  const cells = rows.map(row =>
    row.map((cell, index) => (typeof cell === 'string' ? cell : formatSpread(cell, columns[index]?.digits))),
  );
  const titles = columns.map(column => column.title);
  const { date, seconds, loadBefore } = measured;
  const ran =
    `Measured on ${date.slice(0, 16).replace('T', ' at ')} UTC, in ${duration(seconds)}, ` +
    `on a machine with a load of ${loadBefore.toFixed(2)} before.`;
  return [`## ${title}`, `${method} ${ran}`, table(titles, cells)];
}

function targetTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ promise, least, most, found, met }) => [
    promise,
    least === undefined ? `≤ ${most?.toLocaleString('en')}` : `≥ ${least}`,
    formatSpread(found, found.median < 100 ? 2 : 0),
    met ? 'yes' : '**no**',
  ]);
  return table(['', 'target', 'found', 'met'], rows);
}

/** A Markdown table; all columns but the first are aligned to the right. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = titles.map((_, index) => (index === 0 ? '---' : '--:'));
  return [line(titles), line(rule), ...rows.map(line)].join('\n');
}

/** `2 min 5 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
