import type { Logger } from 'pino';
import type { Config } from '../base/config.ts';
import type { Health } from '../base/health.ts';
import type { Recorder } from './bronze/recorder.ts';
import type { Refresher } from './gold/refresher.ts';
import { Alerts } from './outlet/alerts/alerts.ts';
import type { AlertsFile } from './outlet/alerts/alerts-file.ts';

/** What alerts look at. */
export interface AlertingParts {
  config: Config;
  collector: string;
  health: Health;
  recorder: Recorder;
  refresher: Refresher;
  /** Seconds that the oldest of what is not loaded has waited. */
  loadingLag: () => number;
  log: Logger;
}

/** Starts the alerts of a collector: evaluated with each refresh, and every few seconds for the pipeline itself. */
export function startAlerts(file: AlertsFile, parts: AlertingParts): Alerts {
  const { config, collector, health, recorder, refresher, loadingLag, log } = parts;
  let fsyncSeconds = 0;
  recorder.groups.follow(({ seconds }) => {
    fsyncSeconds = Math.max(fsyncSeconds, seconds);
  });
  const takeFsync = () => {
    const longest = fsyncSeconds;
    fsyncSeconds = 0;
    return longest;
  };
  const alerts = new Alerts({
    file,
    databaseUrl: config.DATABASE_URL,
    dataDir: config.DATA_DIR,
    collector,
    loadingLag,
    view: () => ({
      reasons: health.reasons(),
      failure: recorder.failure?.message,
      loadingLagSeconds: loadingLag(),
      fsyncSeconds: takeFsync(),
    }),
    log,
  });
  refresher.refreshes.follow(() => void alerts.evaluate());
  health.watch('receiver_away', () => alerts.trouble);
  alerts.start();
  return alerts;
}
