import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import { writeAtomically } from '../../base/atomic-file.ts';
import type { Config } from '../../base/config.ts';
import { errorText, UsageError } from '../../base/errors.ts';
import type { MailServer } from '../../collector/outlet/mail.ts';
import { findChromium, printPdf } from '../../collector/outlet/report/pdf.ts';
import { makeReport, readReport, reportOf } from '../../collector/outlet/report/report.ts';
import { sendReport } from '../../collector/outlet/report/report-mail.ts';
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
  pdf?: boolean;
  mail?: string;
}

export default (command: Command) =>
  command
    .option('--date <date>', 'the UTC date, such as 2025-11-12 (default: yesterday)', utcDay)
    .option('--out <file>', 'where to; - is standard output (default: sluice-report-DATE.html)')
    .option('--charts <n>', 'charts of this many sensors, the worst first', wholeNumber(0), 50)
    .option('--pdf', 'as PDF, printed by a Chromium (CHROMIUM) into sluice-report-DATE.pdf')
    .option('--mail <address>', 'send it to this address, by SMTP_URL, and write no file')
    .option('--json', 'what the report says, without its charts, to standard output as JSON')
    .action(toEnd(reportCommand));

/**
 * `sluice report`: writes the quality report of a day.
 * @throws {UsageError} for a day that has not begun, or where Chromium or the mail server is missing that it needs.
 */
async function reportCommand(config: Config, log: Logger, given: ReportArguments): Promise<boolean> {
  const date = given.date ?? dayBefore(new Date());
  if (date > new Date().toISOString().slice(0, 10)) {
    throw new UsageError(`${date} has not begun yet (in UTC); --date takes today or an earlier day.`);
  }
  const chromium = given.pdf ? chromiumOf(config) : undefined;
  const server = given.mail === undefined ? undefined : serverOf(config);
  return await withDatabase(config, log, 'sluice report', async client => {
    if (given.json) {
      await writeToStandardOutput([`${JSON.stringify(await readReport(client, date), null, 2)}\n`]);
      return true;
    }
    if (server !== undefined) return await mail(client, server, config.CHROMIUM, date, given.mail!);
    const page = await makeReport(client, date, given.charts);
    const content = chromium === undefined ? page : await printPdf(page, chromium);
    if (given.out === '-') {
      await writeToStandardOutput([content]);
      return true;
    }
    const file = resolve(given.out ?? `sluice-report-${date}.${given.pdf ? 'pdf' : 'html'}`);
    await writeAtomically(file, content);
    process.stdout.write(`Wrote ${file}\n`);
    return true;
  });
}

/** @throws {UsageError} where there is none. */
function chromiumOf({ CHROMIUM }: Config): string {
  const chromium = findChromium(CHROMIUM);
  if (chromium === undefined)
    throw new UsageError(
      'There is no Chromium that could print a PDF. Install one (Debian: apt install chromium), or set CHROMIUM to its program.',
    );
  return chromium;
}

/** @throws {UsageError} where there is none. */
function serverOf({ SMTP_URL: server, SMTP_FROM: from }: Config): MailServer {
  if (server === undefined || from === undefined)
    throw new UsageError('SMTP_URL and SMTP_FROM must be set: the report is mailed by that server.');
  return { server, from };
}

/** Sends the report to somebody, now. @throws why the server has not taken it. */
async function mail(
  client: ClientBase,
  server: MailServer,
  setting: string | null | undefined,
  date: string,
  to: string,
): Promise<boolean> {
  const report = await reportOf(client, date, { name: '' });
  const chromium = findChromium(setting);
  const pdf = chromium === undefined ? undefined : await printPdf(report.page, chromium);
  try {
    await sendReport(server, [to], report, '', pdf);
  } catch (error) {
    throw new Error(`The mail server has not taken it: ${errorText(error)}.`, { cause: error });
  }
  process.stdout.write(`The mail server has taken the report of ${date} for ${to}.\n`);
  return true;
}
