import type { Counters } from '../../collector/silver/counters.ts';
import { counted } from '../output/counted.ts';
import type { Outcome } from './import.ts';

/** What a run of `sluice import` has done. */
export interface Summary {
  files: Outcome[];
  /** Files of the folders that are none of measurements, by their names. */
  others: number;
  dryRun: boolean;
  /** Ids that the mapping does not name. */
  unknownSensors: string[];
  seconds: number;
  /** What was loaded, also what an earlier run had recorded; undefined: not everything is. */
  loaded?: Counters;
  /** Minutes whose means were computed; null: a collector computes them. */
  minutes?: number | null;
}

/** The rows of all files. */
export function sumOf(files: readonly Outcome[]): { recorded: number; rejected: number; before: number } {
  const sum = { recorded: 0, rejected: 0, before: 0 };
  for (const { recorded, rejected, before } of files) {
    sum.recorded += recorded;
    sum.rejected += rejected;
    sum.before += before;
  }
  return sum;
}

/** A summary for people: a line for each file, those about its bad rows, and what it came to. */
export function summaryText(summary: Summary): string {
  const { files, others, dryRun, unknownSensors } = summary;
  const lines = files.flatMap(file => [fileLine(file, dryRun), ...badRowLines(file)]);
  if (others > 0)
    lines.push(`${counted(others, 'other file')} left alone: their names are none of measurements.`);
  if (unknownSensors.length > 0) {
    const some = unknownSensors.slice(0, 5).map(id => JSON.stringify(id));
    lines.push(
      `${counted(unknownSensors.length, 'sensor')} not in the mapping, taken as they are: ${some.join(', ')}${unknownSensors.length > 5 ? ', …' : ''}.`,
    );
  }
  lines.push(...totalLines(summary));
  return lines.map(line => `${line}\n`).join('');
}

function fileLine({ file, state, recorded, rejected, before, reason }: Outcome, dryRun: boolean): string {
  if (state === 'present') return `${file}: imported before`;
  const taken = `${rows(recorded)} ${dryRun ? 'to record' : 'recorded'}`;
  if (state === 'refused')
    return `${file}: refused, ${reason}${recorded > 0 ? `; ${taken} from before it` : ''}`;
  const more = [
    rejected > 0 ? `${rows(rejected)} rejected` : '',
    before > 0 ? `${rows(before)} before` : '',
    state === 'interrupted' ? 'interrupted: run it again for the rest' : '',
  ];
  return `${file}: ${[taken, ...more].filter(Boolean).join(', ')}`;
}

function badRowLines({ examples, rejected }: Outcome): string[] {
  const lines = examples.map(({ line, reason, cells }) => {
    const shown = cells.map(cell => (cell === undefined ? '' : String(cell).slice(0, 40))).join(', ');
    return `  line ${line}: ${reason}${shown.length > 4 ? ` (${shown.replaceAll(/\p{Cc}/gu, '?')})` : ''}`;
  });
  const more = rejected - examples.length;
  return more > 0 ? [...lines, `  and ${more.toLocaleString('en')} more`] : lines;
}

function totalLines({ files, dryRun, loaded, minutes, seconds }: Summary): string[] {
  const { recorded, rejected } = sumOf(files);
  const rate = Math.round(recorded / seconds).toLocaleString('en');
  const all = `${counted(files.length, 'file')}, ${rows(recorded)} ${dryRun ? 'to record' : 'recorded'}, ${rows(rejected)} rejected`;
  if (dryRun) return [`Dry run: ${all}.`];
  const took = `${all}, in ${seconds.toFixed(1)} s (${rate} rows/s).`;
  if (loaded === undefined)
    return [
      took,
      'Not everything recorded is loaded; the next run, or a collector on this data folder, goes on with it.',
    ];
  const { stored, duplicates, conflicts, rejected: lines, refused } = loaded;
  const silver = [
    `${stored.toLocaleString('en')} stored`,
    `${duplicates.toLocaleString('en')} there already`,
    `${conflicts.toLocaleString('en')} conflicting`,
    ...(lines + refused > 0 ? [`${(lines + refused).toLocaleString('en')} rejected`] : []),
  ];
  const gold =
    minutes === null
      ? 'a collector refreshes the means'
      : `${(minutes ?? 0).toLocaleString('en')} minutes refreshed`;
  return [took, `Loaded: ${silver.join(', ')}; ${gold}.`];
}

function rows(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'row' : 'rows'}`;
}
