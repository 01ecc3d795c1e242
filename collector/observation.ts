import type { Logger } from 'pino';
import type { Config } from '../base/config.ts';
import type { Health } from '../base/health.ts';
import type { ClockWatch } from './bronze/clock-watch.ts';
import type { Recorder } from './bronze/recorder.ts';
import type { Refresher } from './gold/refresher.ts';
import type { Outlets } from './outlet/outlets.ts';
import type { ReportMailing } from './outlet/report/mailing.ts';
import type { Feedback } from './payload/feedback.ts';
import type { Archiver } from './retention/archive/archiver.ts';
import type { NightlyVerify } from './retention/nightly-verify.ts';
import { announceMeans } from './serve/live-queries.ts';
import type { LiveStream } from './serve/live-stream.ts';
import { Metrics } from './serve/metrics.ts';
import type { Reads } from './serve/reads.ts';
import { RejectExamples } from './serve/reject-examples.ts';
import { RejectWatch } from './serve/reject-watch.ts';
import { CollectorStatus } from './serve/status.ts';
import type { Tracing } from './serve/tracing.ts';
import type { Loader } from './silver/loader.ts';
import type { Intake } from './source/http/intake.ts';
import type { Source } from './source/source.ts';

/** How often the share of rejected messages is looked at. */
const REJECTS_MS = 10_000;
/** It is not logged more often than this. */
const QUIET_MS = 60_000;

/** The parts that are observed, and who is told. */
export interface ObservedParts {
  config: Config;
  recorder: Recorder;
  loader: Loader;
  refresher: Refresher;
  source: Source;
  intake: Intake;
  clock: ClockWatch;
  feedback: Feedback;
  outlets: Outlets | undefined;
  archiver: Archiver | undefined;
  mailing: ReportMailing;
  tracing: Tracing | undefined;
  verification: NightlyVerify;
  reads: Reads;
  stream: LiveStream;
  health: Health;
  log: Logger;
  /** Stops what was started, in the reverse order. */
  undo: AsyncDisposableStack;
}

/** What a collector says of itself. */
interface Observation {
  metrics: Metrics;
  status: CollectorStatus;
}

/** Begins to count and to time what the parts do, to send it to those who listen to the stream, and to see what is wrong with them. */
export function startObserving(parts: ObservedParts): Observation {
  const { recorder, loader, refresher, reads, stream, tracing } = parts;
  const metrics = metricsOf(parts);
  const examples = new RejectExamples();
  reads.onAnswered = (query, seconds) => metrics.answered(query, seconds);
  recorder.groups.follow(group => {
    metrics.recorded(group);
    stream.readings(group.lines);
    examples.note(group.lines);
  });
  loader.batches.follow(batch => metrics.stored(batch));
  refresher.refreshes.follow(refreshed => {
    metrics.refreshed(refreshed);
    void announceMeans(reads, stream);
  });
  const outlets = () => parts.outlets?.status ?? [];
  if (tracing !== undefined) {
    recorder.groups.follow(group => tracing.group(group));
    loader.batches.follow(batch => tracing.batch(batch));
    refresher.refreshes.follow(refreshed => tracing.refreshed(refreshed));
  }
  const status = new CollectorStatus({
    ...parts,
    dataDir: parts.config.DATA_DIR,
    metrics,
    examples,
    outlets,
  });
  watchConnections(parts);
  watchRejects(parts, { metrics, status });
  return { metrics, status };
}

function metricsOf(parts: ObservedParts): Metrics {
  const { recorder, loader, refresher, source, intake, clock, feedback, health } = parts;
  return new Metrics({
    broker: () => ({ connected: source.status.connected, ...source.counts }),
    http: () => intake.counts,
    recorder: () => ({
      recorded: recorder.counts.recorded,
      pendingBytes: recorder.pendingBytes,
      failing: recorder.failure !== undefined,
      unreadableFiles: recorder.damaged.size,
    }),
    loader: () => loader.status,
    refreshLag: () => refresher.lagSeconds,
    archive: () => parts.archiver?.counts,
    reports: () => parts.mailing.counts,
    verified: () => parts.verification.last,
    clock: () => clock.state,
    reasons: () => health.reasons(),
    outlets: () => parts.outlets?.status ?? [],
    feedback: () => feedback,
  });
}

/** What makes the collector degraded, as far as its parts do not say so themselves. */
function watchConnections({ health, source, recorder, loader, refresher }: ObservedParts): void {
  health.watch('broker_away', () => away('the broker', source.status));
  health.watch('broker_grants_less', () => source.warning);
  health.watch('database_away', () => away('the database', loader.status.database));
  health.watch('refresh_late', () => refresher.lateness);
  health.watch('raw_files_unreadable', () => unreadable(recorder, loader));
}

/** A reason for Health; undefined while every raw file can be read. */
function unreadable({ damaged }: Recorder, { status }: Loader): string | undefined {
  const { files, first } = status.unreadable;
  const [left] = [...damaged].map(([key, reason]) => `${key}: ${reason}`);
  const count = files + damaged.size;
  if (count === 0) return undefined;
  const which =
    count === 1 ? 'a raw file cannot be read' : `${count} raw files cannot be read, the first of them`;
  return `${which} (${first ?? left}); the others are loaded meanwhile. Mend it, or remove it if nothing can be saved`;
}

/** A reason for Health; undefined while it is connected. */
function away(what: string, status: { connected: boolean; reason?: string }): string | undefined {
  return status.connected ? undefined : `${what} is away: ${status.reason ?? 'not connected yet'}`;
}

function watchRejects({ health, log, undo }: ObservedParts, { metrics, status }: Observation): void {
  const rejects = new RejectWatch();
  health.watch('mostly_rejected', () => rejects.reason());
  let quietUntil = 0;
  const timer = setInterval(() => {
    rejects.sample(status.progress);
    const reason = rejects.reason();
    if (reason === undefined || Date.now() < quietUntil) return;
    quietUntil = Date.now() + QUIET_MS;
    log.warn({ rejects: metrics.rejects().slice(0, 3) }, reason);
  }, REJECTS_MS);
  undo.defer(() => clearInterval(timer));
}
