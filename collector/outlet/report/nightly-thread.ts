/* The thread that makes one report for `NightlyReport`, and ends. Its error is the error of the thread. */
import { workerData } from 'node:worker_threads';
import { writeAtomically } from '../../../base/atomic-file.ts';
import { connect } from '../../../db/connect.ts';
import { makeReport } from './report.ts';

export interface NightlyData {
  databaseUrl: string;
  /** UTC, such as 2025-11-12. */
  date: string;
  file: string;
}

const { databaseUrl, date, file } = workerData as NightlyData;
const client = await connect(databaseUrl, 'sluice nightly report', () => undefined);
try {
  await writeAtomically(file, await makeReport(client, date));
} finally {
  await client.end().catch(() => undefined);
}
