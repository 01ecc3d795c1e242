import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ReportMailing } from '../../../../collector/outlet/report/mailing.ts';
import { withoutBrowser } from '../../../harness/browser.ts';
import { type TestDatabase, withDatabase } from '../../../harness/database.ts';
import { configFor } from '../../../harness/pipeline.ts';
import { freePort, temporaryFolder } from '../../../harness/server.ts';
import { attachmentsOf, type MailServerOfTest, startSmtp } from '../../../harness/smtp.ts';
import { playDay } from './example.ts';

/** A minute after REPORT_AT. */
const MORNING = new Date('2025-11-13T08:01:00Z');

interface Office {
  database: TestDatabase;
  smtp: MailServerOfTest;
  /** A collector of its own: what it knows is in the database. */
  mailing(env?: Record<string, string>): ReportMailing;
  lines: string[];
  folder: string;
}

async function withOffice(use: (office: Office) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  await using smtp = await startSmtp();
  await withDatabase(async database => {
    await playDay(database, '2025-11-12', [{ id: 'Sensor 1' }, { id: 'Sensor 2', gaps: [[0, 600]] }]);
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
    await use({
      database,
      smtp,
      lines,
      folder: folder.path,
      mailing: (env = {}) =>
        new ReportMailing(
          configFor({
            DATABASE_URL: database.url,
            SMTP_URL: smtp.url,
            SMTP_FROM: 'sluice@example.com',
            REPORT_EMAIL: 'ops@example.com, boss@example.com',
            CHROMIUM: 'none',
            ...env,
          }),
          log,
          () => ({ database: { connected: true }, pendingBytes: 0 }),
        ),
    });
  });
}

const headerOf = (body: string, name: string) =>
  new RegExp(`^${name}: ((?:.|\r\n[ \t])*)`, 'm').exec(body)?.[1]?.replaceAll('\r\n', '');

test('the report of the day is mailed once, with the page attached, whoever restarts', async () => {
  await withOffice(async ({ smtp, mailing, lines }) => {
    const first = mailing();
    await first.check(new Date('2025-11-13T07:59:59Z'));
    expect(smtp.mails.map(({ body }) => headerOf(body, 'Subject'))).toEqual([
      'Data quality, Tuesday, 11 November 2025: no data',
    ]);
    await first.check(MORNING);
    await first.check(MORNING);
    await mailing().check(new Date('2025-11-13T20:00:00Z'));
    expect(smtp.mails).toHaveLength(2);
    const { to, body } = smtp.mails[1]!;
    expect(to).toEqual(['ops@example.com', 'boss@example.com']);
    expect(headerOf(body, 'Subject')).toBe(
      'Data quality, Wednesday, 12 November 2025: 1 of 2 sensors critical',
    );
    expect(body).toContain('Sensor 2');
    const attachments = attachmentsOf(body);
    expect(attachments.map(({ name }) => name)).toEqual(['sluice-report-2025-11-12.html']);
    expect(attachments[0]!.content.toString()).toMatch(/^<!doctype html>.*Sensor 1.*<\/html>\n$/s);
    expect(first.counts).toEqual({ mailed: 2, failures: 0 });
    expect(lines).toEqual(['mailed the report of the day', 'mailed the report of the day']);
  });
});

test('two collectors on one database mail it once', async () => {
  await withOffice(async ({ smtp, mailing }) => {
    await Promise.all([mailing().check(MORNING), mailing().check(MORNING)]);
    expect(smtp.mails).toHaveLength(1);
  });
});

test('a mail server that is away is told, tried again, and gets what it missed', async () => {
  await withOffice(async ({ smtp, mailing, lines }) => {
    const port = await freePort();
    const one = mailing({ SMTP_URL: `smtp://127.0.0.1:${port}` });
    await one.check(MORNING);
    expect(one.trouble).toBe(
      `reports that are due were not mailed: 2025-11-12: connect ECONNREFUSED 127.0.0.1:${port}`,
    );
    expect(one.counts).toEqual({ mailed: 0, failures: 1 });
    expect(lines).toEqual(['cannot mail the report; it is tried again']);
    // Not at once.
    await one.check(new Date(MORNING.getTime() + 1000));
    expect(one.counts.failures).toBe(1);
    await using later = await startSmtp(port);
    await one.check(new Date(MORNING.getTime() + 2 * 3_600_000));
    expect(later.mails).toHaveLength(1);
    expect(one.trouble).toBeUndefined();
    // Days that were missed, as nothing ran, are made up for up to a week.
    await mailing().check(new Date('2025-11-16T09:00:00Z'));
    expect(smtp.mails.map(({ body }) => headerOf(body, 'Subject')?.slice(0, 40))).toEqual([
      'Data quality, Thursday, 13 November 2025',
      'Data quality, Friday, 14 November 2025: ',
      'Data quality, Saturday, 15 November 2025',
    ]);
    await mailing().check(new Date('2025-12-16T09:00:00Z'));
    expect(smtp.mails).toHaveLength(3 + 7);
  });
});

test('a customer gets the part of its own sensors; one that fails holds up no other', async () => {
  await withOffice(async ({ database, smtp, mailing, folder }) => {
    await database.query(`
      UPDATE silver.sensor SET attributes = '{"customer": "Acme & Sons", "report_email": "a@acme.example, nonsense"}' WHERE sensor_id = 'Sensor 1';
      UPDATE silver.sensor SET attributes = '{"customer": "Bolt", "report_email": "b@bolt.example"}' WHERE sensor_id = 'Sensor 2';
      INSERT INTO silver.sensor (sensor_id, attributes) VALUES ('Sensor 3', '{"customer": "Bolt"}'), ('Sensor 4', '{"customer": "Mute"}')`);
    smtp.refusal = address => (address.startsWith('a@') ? '550 no such user' : undefined);
    const one = mailing({ REPORT_BY: 'customer', REPORT_DIR: folder });
    await one.check(MORNING);
    expect(smtp.mails.map(({ to }) => to.join())).toEqual([
      'ops@example.com,boss@example.com',
      'b@bolt.example',
    ]);
    const { body } = smtp.mails[1]!;
    expect(headerOf(body, 'Subject')).toBe(
      'Data quality of Bolt, Wednesday, 12 November 2025: 1 of 1 sensor critical',
    );
    const [page] = attachmentsOf(body);
    expect(page!.name).toBe('sluice-report-2025-11-12_Bolt.html');
    expect(page!.content.toString()).toContain('Sensor 2');
    // Registered, and not heard of.
    expect(page!.content.toString()).toContain('Sensor 3');
    expect(page!.content.toString()).not.toMatch(/Sensor 1|Sensor 4|Acme/);
    expect(one.trouble).toContain('2025-11-12, Acme & Sons: ');
    expect(one.trouble).toContain('550');
    smtp.refusal = () => undefined;
    await one.check(new Date('2025-11-13T12:00:00Z'));
    expect(smtp.mails.slice(2).map(({ to }) => to)).toEqual([['a@acme.example']]);
    expect(readdirSync(folder).sort()).toEqual(['2025-11-12_Acme___Sons.html', '2025-11-12_Bolt.html']);
  });
});

test.skipIf(withoutBrowser)('where there is a Chromium a PDF is attached, and kept', async () => {
  await withOffice(async ({ smtp, mailing, folder }) => {
    const settings = { REPORT_DIR: folder, CHROMIUM: process.env.CHROMIUM ?? '' };
    await mailing(settings).check(MORNING);
    const pdf = attachmentsOf(smtp.mails[0]!.body).find(({ name }) => name.endsWith('.pdf'))!;
    expect(pdf.content.subarray(0, 5).toString()).toBe('%PDF-');
    expect(readFileSync(join(folder, '2025-11-12.pdf')).equals(pdf.content)).toBe(true);
  });
});

test('a Chromium that fails keeps no mail', async () => {
  await withOffice(async ({ smtp, mailing, lines }) => {
    const one = mailing({ CHROMIUM: '/bin/false' });
    await one.check(MORNING);
    expect(attachmentsOf(smtp.mails[0]!.body)).toHaveLength(1);
    expect(lines).toEqual(['mailed the report of the day', 'the report of the day was mailed all the same']);
    expect(one.trouble).toBeUndefined();
  });
});
