import type { Logger } from 'pino';
import type { Config } from '../base/config.ts';
import type { Health } from '../base/health.ts';
import type { ClockWatch } from './bronze/clock-watch.ts';
import type { Recorder } from './bronze/recorder.ts';
import type { ReportMailing } from './outlet/report/mailing.ts';
import { startReports } from './reporting.ts';
import { Archiver } from './retention/archive/archiver.ts';
import { LakeJob } from './retention/lake/lake-job.ts';
import { Nightly } from './retention/nightly.ts';
import { NightlyVerify } from './retention/nightly-verify.ts';
import type { Loader } from './silver/loader.ts';

/** What the work of the nights needs. */
interface NightsParts {
  config: Config;
  collector: string;
  recorder: Recorder;
  loader: Loader;
  clock: ClockWatch;
  health: Health;
  log: Logger;
  /** Stops what was started, in the reverse order. */
  undo: AsyncDisposableStack;
}

interface Nights {
  archiver: Archiver | undefined;
  mailing: ReportMailing;
  verification: NightlyVerify;
}

/** Starts what is done once a day: the report and its mails, compression, archive, lake, retention, verification. */
export function startNights(parts: NightsParts): Nights {
  const { config, collector, recorder, loader, clock, health, log, undo } = parts;
  const mailing = startReports({ config, loader, health, log, undo });
  const archiver = startArchiver(parts);
  const verification = new NightlyVerify(config, log);
  undo.defer(() => verification.stop());
  health.watch('verify_differs', () => verification.reason);
  const onCompressed = () => void archiver?.run();
  const afterwards = () => void verification.run();
  const nightly = new Nightly({ config, collector, recorder, clock, onCompressed, afterwards, log });
  nightly.start();
  undo.defer(() => nightly.stop());
  return { archiver, mailing, verification };
}

function startArchiver({ config, collector, health, log, undo }: NightsParts): Archiver | undefined {
  const { ARCHIVE_URL: url } = config;
  if (url === undefined) return undefined;
  const archiver = new Archiver({ config, url, collector, log });
  archiver.start();
  undo.defer(() => archiver.stop());
  health.watch('archive_behind', () => archiver.reason);
  if (config.LAKE === 'on') {
    const lake = new LakeJob({ config, url, collector }, log);
    lake.start();
    undo.defer(() => lake.stop());
    health.watch('lake_behind', () => lake.reason);
  }
  return archiver;
}
