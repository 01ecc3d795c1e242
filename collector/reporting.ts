import type { Logger } from 'pino';
import type { Config } from '../base/config.ts';
import type { Health } from '../base/health.ts';
import { ReportMailing } from './outlet/report/mailing.ts';
import { NightlyReport } from './outlet/report/nightly.ts';
import { ReportArchive } from './outlet/report/report-archive.ts';
import type { Loader } from './silver/loader.ts';

/** What reports are made by. */
export interface ReportingParts {
  config: Config;
  loader: Loader;
  health: Health;
  log: Logger;
  /** Stops what was started, in the reverse order. */
  undo: AsyncDisposableStack;
}

/** Starts what becomes of the report of each day: a file, a mail, a copy in the archive; each where a setting asks for it. */
export function startReports({ config, loader, health, log, undo }: ReportingParts): ReportMailing {
  const state = () => loader.status;
  const [report, mailing] = [new NightlyReport(config, log, state), new ReportMailing(config, log, state)];
  for (const part of [report, mailing, new ReportArchive(config, log)]) {
    part.start();
    undo.defer(() => part.stop());
  }
  health.watch('report_unsent', () => mailing.trouble);
  return mailing;
}
