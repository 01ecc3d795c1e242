import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import { writeAtomically } from '../../base/atomic-file.ts';
import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { makeReport, readReport } from '../../collector/outlet/report/report.ts';
import { dayBefore } from '../../collector/outlet/report/text.ts';
import { withDatabase } from '../database.ts';
import { utcDay, wholeNumber } from '../options.ts';
import { writeToStandardOutput } from '../output/standard-output.ts';
import { toEnd } from '../run.ts';

interface ReportArguments {
  /** UTC. Default: yesterday. */
  date?: string;
  /** `-` is standard output. Default: `sluice-report-<date>.html` in the working folder. */
  out?: string;
  charts: number;
  json?: boolean;
}

export default (command: Command) =>
  command
    .option('--date <date>', 'the UTC date, such as 2025-11-12 (default: yesterday)', utcDay)
    .option('--out <file>', 'where to; - is standard output (default: sluice-report-DATE.html)')
    .option('--charts <n>', 'charts of this many sensors, the worst first', wholeNumber(0), 50)
    .option('--json', 'what the report says, without its charts, to standard output as JSON')
    .action(toEnd(reportCommand));

/**
 * `sluice report`: writes the quality report of a day.
 * @throws {UsageError} for a day that has not begun.
 */
async function reportCommand(config: Config, log: Logger, given: ReportArguments): Promise<boolean> {
  const date = given.date ?? dayBefore(new Date());
  if (date > new Date().toISOString().slice(0, 10)) {
    throw new UsageError(`${date} has not begun yet (in UTC); --date takes today or an earlier day.`);
  }
  return await withDatabase(config, log, 'sluice report', async client => {
    if (given.json) {
      await writeToStandardOutput([`${JSON.stringify(await readReport(client, date), null, 2)}\n`]);
      return true;
    }
    const page = await makeReport(client, date, given.charts);
    if (given.out === '-') {
      await writeToStandardOutput([page]);
      return true;
    }
    const file = resolve(given.out ?? `sluice-report-${date}.html`);
    await writeAtomically(file, page);
    process.stdout.write(`Wrote ${file}\n`);
    return true;
  });
}
