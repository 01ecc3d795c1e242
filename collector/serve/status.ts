import { statfs } from 'node:fs/promises';
import type { Health } from '../../base/health.ts';
import type { ClockState, ClockWatch } from '../bronze/clock-watch.ts';
import type { Recorder } from '../bronze/recorder.ts';
import type { OutletStatus } from '../outlet/protocol.ts';
import type { Loader } from '../silver/loader.ts';
import type { Intake } from '../source/http/intake.ts';
import type { Source } from '../source/source.ts';
import type { Metrics } from './metrics.ts';
import type { RejectExamples } from './reject-examples.ts';
import type { Status } from './routes/watch.ts';

/** What the collector has done since it began. */
export interface Progress {
  received: number;
  recorded: number;
  rejected: number;
  stored: number;
  duplicates: number;
  conflicts: number;
  /** Recorded lines, and readings of such, that cannot be stored: silver.rejected_line has them. */
  refused: number;
  pendingBytes: number;
}

/** Before it begins. */
export const nothingYet: Progress = {
  received: 0,
  recorded: 0,
  rejected: 0,
  stored: 0,
  duplicates: 0,
  conflicts: 0,
  refused: 0,
  pendingBytes: 0,
};

/** The parts that a status is made of. */
export interface StatusParts {
  dataDir: string;
  recorder: Recorder;
  loader: Loader;
  source: Source;
  intake: Intake;
  metrics: Metrics;
  health: Health;
  examples: RejectExamples;
  clock: ClockWatch;
  outlets: () => readonly OutletStatus[];
}

/** How the collector is, for the page and for whoever asks. */
export class CollectorStatus {
  readonly #parts: StatusParts;
  readonly #startedAt = new Date().toISOString();

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  get progress(): Progress {
    const { source, intake, recorder, loader } = this.#parts;
    const { loaded, pendingBytes } = loader.status;
    const turnedDown = [...intake.counts.rejected.values()].reduce((sum, n) => sum + n, 0);
    return {
      received: source.counts.received + intake.counts.received,
      recorded: recorder.counts.recorded,
      rejected: recorder.counts.rejected + turnedDown,
      stored: loaded.stored,
      duplicates: loaded.duplicates,
      conflicts: loaded.conflicts,
      refused: loaded.rejected + loaded.refused,
      pendingBytes,
    };
  }

  async read(): Promise<Status> {
    const { dataDir, health, source, loader, recorder, metrics, examples, clock } = this.#parts;
    const { pendingBytes, ...counts } = this.progress;
    return {
      at: new Date().toISOString(),
      started_at: this.#startedAt,
      reasons: health.reasons(),
      ...counts,
      broker: source.status,
      database: loader.status.database,
      recording: { ok: recorder.failure === undefined, pending_bytes: recorder.pendingBytes },
      loading: { pending_bytes: pendingBytes, lag_s: metrics.loadingLag() },
      refresh: { lag_s: metrics.refreshLag() },
      outlets: this.#parts.outlets().map(({ stalledSeconds, refused, ...outlet }) => ({
        ...outlet,
        dead_letters: refused,
        stalled_s: stalledSeconds,
      })),
      rejects: metrics.rejects().map(reject => ({
        ...reject,
        last: (reject.source === 'mqtt' && examples.of(reject.reason)) || null,
      })),
      clock: clockOf(clock.state),
      disk: await diskOf(dataDir),
    };
  }
}

function clockOf({ suspicion, isSynchronized, aheadShare }: ClockState): Status['clock'] {
  return {
    ok: suspicion === undefined,
    ...(suspicion !== undefined && { reason: suspicion }),
    synchronized: isSynchronized ?? null,
    readings_ahead: aheadShare,
  };
}

async function diskOf(folder: string): Promise<Status['disk']> {
  return statfs(folder).then(
    ({ bsize, bavail, blocks }) => ({ free_bytes: bsize * bavail, total_bytes: bsize * blocks }),
    () => null,
  );
}
