import type { FileReport, Report } from './verify.ts';

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
  const { files, total, differences } = report;
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
  if (unlisted > 0) text.push(`(and ${unlisted} more files)`);
  text.push(row(`${total.files} files`, counts(total)), '');
  if (total.pending > 0) text.push(`${total.pending} lines are recorded and not loaded yet.`);
  if (report.staleMinutes > 0) text.push(`${report.staleMinutes} minutes wait for the next refresh of gold.`);
  const { removed, forgotten } = report.retired;
  if (removed.files > 0) {
    text.push(
      `${removed.files} more files were removed as too old (RAW_RETENTION_DAYS), with ${removed.lines} loaded lines.`,
    );
  }
  if (forgotten.lines > 0) {
    text.push(
      `${forgotten.lines} lines in ${forgotten.files} files are of days before ${forgotten.before}, which silver does not keep (SILVER_RETENTION_DAYS); they were only counted.`,
    );
  }
  if (report.remapped > 0) {
    text.push(
      `${report.remapped} files were decoded with another topics file than the present one: \`sluice replay\` stores what this one finds.`,
    );
  }
  if (report.ok) {
    text.push(
      'Every loaded line is accounted for: silver holds what the raw files say, gold what silver says.',
    );
  } else {
    text.push(`${differences.count} differences. The first:`);
    for (const { file, line, what } of differences.first) {
      text.push(`  ${file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `}${what}`);
    }
  }
  return `${text.join('\n')}\n`;
}
