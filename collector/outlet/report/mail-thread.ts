/* The thread that mails what is due for `ReportMailing`, and ends. Its error is the error of the thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { giveWay } from '../../../base/thread-priority.ts';
import { connect } from '../../../db/connect.ts';
import { type MailPlan, mailReports } from './report-mail.ts';

export interface MailingData {
  databaseUrl: string;
  /** UTC, such as 2025-11-12. */
  lastDay: string;
  plan: MailPlan;
}

giveWay();
const { databaseUrl, lastDay, plan } = workerData as MailingData;
const client = await connect(databaseUrl, 'sluice report mail', () => undefined);
try {
  for await (const mailed of mailReports(client, lastDay, plan)) parentPort!.postMessage(mailed);
} finally {
  await client.end().catch(() => undefined);
}
