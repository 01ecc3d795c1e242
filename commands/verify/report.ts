import type { Counters } from '../../collector/silver/counters.ts';
import { counted } from '../output/counted.ts';
import { type ArchiveReport, archiveText } from './archive.ts';
import { type ChangedReport, changedText } from './changed.ts';
import type { Difference } from './difference.ts';
import type { Retirement } from './retired.ts';

/** What `sluice verify` found of one file. */
export interface FileReport extends Counters {
  /** Its key in the ledger; where several data folders were looked at, with the name of its collector before it. */
  file: string;
  /** Lines that are recorded and not loaded yet. */
  pending: number;
}

export interface Report {
  /** Nothing differs, and no collector was left out (or the caller wants it so). */
  ok: boolean;
  files: FileReport[];
  total: Counters & { files: number; pending: number };
  /** Of the pending lines, those in data folders at which no collector is at work: they stay there. */
  idle: { dataDir: string; pending: number }[];
  /** Minutes that the next refresh will recompute; gold is not held to them. */
  staleMinutes: number;
  retired: Retirement;
  /** Files with lines that were decoded with another topics file: a change, not a loss. */
  remapped: number;
  /** Collectors that the ledger names and whose data folders were not looked at: rows that no file explains may be theirs. */
  unchecked: Unchecked[];
  differences: { count: number; first: Difference[] };
  /** Where only changed files were asked for. */
  changed?: ChangedReport;
  /** Where the archive was asked for. */
  archive?: ArchiveReport;
}

/** What the ledger says of a collector whose data folder was not looked at. */
export interface Unchecked {
  collector: string;
  /** Lines that it had loaded. */
  lines: number;
  /** When it last loaded any; ISO 8601. */
  loadedAt: string;
}

/** More files than this are not listed one by one, except those that are not quiet. */
const LISTED_FILES = 40;

const columns = [
  'lines',
  'readings',
  'stored',
  'duplicates',
  'conflicts',
  'refused',
  'rejected',
  'pending',
] as const;

/** A report as text: a row per file, the totals, what was found. */
export function reportText(report: Report): string {
  const text = tableOf(report);
  text.push(...notesOf(report));
  if (report.archive !== undefined) text.push(archiveText(report.archive).trimEnd());
  const { differences, changed } = report;
  if (changed !== undefined) text.push(changedText(changed));
  if (differences.count === 0) {
    text.push(
      'Every loaded line is accounted for: silver holds what the raw files say, gold what silver says.',
    );
  } else {
    text.push(`${counted(differences.count, 'difference')}. The first:`);
    for (const { file, line, what } of differences.first) {
      text.push(`  ${file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `}${what}`);
    }
  }
  return `${text.join('\n')}\n`;
}

function tableOf({ files, total }: Report): string[] {
  const listed =
    files.length <= LISTED_FILES
      ? files
      : files.filter(file => file.pending + file.conflicts + file.refused + file.rejected > 0);
  const width = Math.max(24, ...listed.slice(0, LISTED_FILES).map(({ file }) => file.length));
  const row = (name: string, cells: readonly (string | number)[]) =>
    `${name.padEnd(width)}${cells.map(cell => String(cell).padStart(12)).join('')}`;
  const counts = (counters: Omit<FileReport, 'file'>) => columns.map(column => counters[column]);
  const text = [row('file', columns)];
  for (const file of listed.slice(0, LISTED_FILES)) text.push(row(file.file, counts(file)));
  const unlisted = files.length - Math.min(listed.length, LISTED_FILES);
  if (unlisted > 0) text.push(`(and ${counted(unlisted, 'more file')})`);
  text.push(row(counted(total.files, 'file'), counts(total)), '');
  return text;
}

function notesOf({ total, idle, staleMinutes, retired, remapped, unchecked }: Report): string[] {
  const text: string[] = [];
  if (total.pending > 0) {
    text.push(
      `${counted(total.pending, 'line')} ${total.pending === 1 ? 'is' : 'are'} recorded and not loaded yet.`,
    );
  }
  for (const { dataDir, pending } of idle) {
    text.push(
      `  ${counted(pending, 'line')} of them in ${dataDir}, at which no collector is at work: start one there, or run \`sluice replay\` with DATA_DIR=${dataDir}.`,
    );
  }
  if (staleMinutes > 0) {
    text.push(
      `${counted(staleMinutes, 'minute')} ${staleMinutes === 1 ? 'waits' : 'wait'} for the next refresh of gold.`,
    );
  }
  const { removed, forgotten } = retired;
  if (removed.files > 0) {
    text.push(
      `${counted(removed.files, 'more file')} ${removed.files === 1 ? 'was' : 'were'} removed as too old (RAW_RETENTION_DAYS), with ${counted(removed.lines, 'loaded line')}.`,
    );
  }
  if (forgotten.lines > 0) {
    text.push(
      `${counted(forgotten.lines, 'line')} in ${counted(forgotten.files, 'file')} are of days before ${forgotten.before}, which silver does not keep (SILVER_RETENTION_DAYS); they were only counted.`,
    );
  }
  if (remapped > 0) {
    text.push(
      `${counted(remapped, 'file')} ${remapped === 1 ? 'was' : 'were'} decoded with another topics file than the present one: \`sluice replay\` stores what this one finds.`,
    );
  }
  if (unchecked.length > 0) {
    text.push(
      `Not looked at: ${unchecked.map(({ collector }) => collector).join(', ')}. What no file explains in silver may be of ${unchecked.length === 1 ? 'this collector' : 'these collectors'}: ` +
        'name their data folders with --data, or say --only-mine.',
    );
    for (const { collector, lines, loadedAt } of unchecked) {
      text.push(
        `  ${collector} had loaded ${counted(lines, 'line')} by ${loadedAt}. What its data folder holds beyond them is not in the database: if the folder is lost, so is that.`,
      );
    }
  }
  return text;
}
