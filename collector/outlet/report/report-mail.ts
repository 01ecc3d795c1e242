import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { writeAtomically } from '../../../base/atomic-file.ts';
import { errorText } from '../../../base/errors.ts';
import { type MailServer, sendMail } from '../mail.ts';
import { type ReportGroup, readGroups } from './groups.ts';
import { mailPage, mailText, subjectOf } from './mail-body.ts';
import { printPdf } from './pdf.ts';
import { type Report, reportOf } from './report.ts';

/** Who gets which report by mail, and how. */
export interface MailPlan extends MailServer {
  /** Who gets the whole report: REPORT_EMAIL. */
  to: readonly string[];
  /** REPORT_BY: whose part goes to whom is in the registry. */
  by: string | undefined;
  /** Prints it as PDF; undefined: there is none. */
  chromium: string | undefined;
  /** REPORT_DIR: where parts are kept as well. */
  folder: string | undefined;
}

/** What became of one. */
export interface Mailed {
  day: string;
  /** Empty: of all sensors. */
  report: string;
  to: readonly string[];
  /** Why it was not sent. */
  failure?: string;
  /** What is not as it should be although it was sent. */
  warning?: string;
}

/** A report that was missed is made up for so long. */
const MADE_UP_DAYS = 7;

/**
 * Mails the reports that are due and not mailed yet, up to a UTC day. Each is noted in the database in the transaction in which it
 * is sent: two collectors do not send it twice, and one that dies in between sends it again.
 */
export async function* mailReports(
  client: ClientBase,
  lastDay: string,
  plan: MailPlan,
): AsyncGenerator<Mailed> {
  const whole: ReportGroup[] = plan.to.length === 0 ? [] : [{ name: '', to: plan.to }];
  const parts = plan.by === undefined ? [] : await readGroups(client, plan.by);
  for (const group of [...whole, ...parts]) {
    for (const day of await readDueDays(client, lastDay, group.name)) {
      const mailed = { day, report: group.name, to: group.to };
      try {
        const warning = await mailOnce(client, day, group, plan);
        if (warning !== false) yield { ...mailed, ...(warning === undefined ? {} : { warning }) };
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined);
        yield { ...mailed, failure: errorText(error) };
        // What is older goes first.
        break;
      }
    }
  }
}

/** The days whose report is to be mailed, oldest first: of one that was never mailed the last day only. */
async function readDueDays(client: ClientBase, lastDay: string, report: string): Promise<string[]> {
  const { rows } = await client.query<{ day: string }>(
    `SELECT d::date::text AS day
     FROM (SELECT max(day) AS last FROM sluice.mailed_report WHERE report = $2) m
     CROSS JOIN generate_series(
       CASE WHEN last IS NULL THEN $1::date ELSE greatest(last + 1, $1::date - ${MADE_UP_DAYS - 1}) END, $1::date, INTERVAL '1 day') d
     ORDER BY 1`,
    [lastDay, report],
  );
  return rows.map(({ day }) => day);
}

/** @returns false: another collector has sent it; else what is not as it should be. */
async function mailOnce(
  client: ClientBase,
  day: string,
  group: ReportGroup,
  plan: MailPlan,
): Promise<string | undefined | false> {
  const report = await reportOf(client, day, group);
  const { pdf, warning } = await pdfOf(report, plan.chromium);
  if (plan.folder !== undefined) await keep(plan.folder, day, group.name, report.page, pdf);
  await client.query('BEGIN');
  const { rowCount } = await client.query(
    'INSERT INTO sluice.mailed_report (day, report) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [day, group.name],
  );
  if (rowCount === 0) {
    await client.query('ROLLBACK');
    return false;
  }
  const refused = await sendReport(plan, group.to, report, group.name, pdf);
  await client.query('COMMIT');
  const said = [warning, refused.length > 0 && `the mail server has refused ${refused.join(', ')}`];
  return said.filter(Boolean).join('; ') || undefined;
}

/** Sends a report to somebody. @returns whom the server has refused. */
export function sendReport(
  server: MailServer,
  to: readonly string[],
  { day, page }: Report,
  name: string,
  pdf: Buffer | undefined,
): Promise<string[]> {
  const file = `sluice-report-${fileName(day.date, name)}`;
  return sendMail(server, {
    to,
    subject: subjectOf(day, name),
    text: mailText(day, name),
    html: mailPage(day, name),
    attachments: [
      { filename: `${file}.html`, content: page, contentType: 'text/html; charset=utf-8' },
      ...(pdf === undefined
        ? []
        : [{ filename: `${file}.pdf`, content: pdf, contentType: 'application/pdf' }]),
    ],
  });
}

/** The PDF where there is to be one; a browser that fails must not keep the mail. */
async function pdfOf(
  { page }: Report,
  chromium: string | undefined,
): Promise<{ pdf?: Buffer; warning?: string }> {
  if (chromium === undefined) return {};
  try {
    return { pdf: await printPdf(page, chromium) };
  } catch (error) {
    return { warning: errorText(error) };
  }
}

async function keep(
  folder: string,
  day: string,
  name: string,
  page: string,
  pdf: Buffer | undefined,
): Promise<void> {
  const file = join(folder, fileName(day, name));
  // The whole one is written ten minutes after the day's end, and stays as it was then.
  if (name !== '') await writeAtomically(`${file}.html`, page);
  if (pdf !== undefined) await writeAtomically(`${file}.pdf`, pdf);
}

/** `2025-11-12`, or `2025-11-12_Acme`. */
function fileName(day: string, name: string): string {
  return name === '' ? day : `${day}_${name.replaceAll(/[^\p{L}\p{N}.-]/gu, '_').slice(0, 80)}`;
}
