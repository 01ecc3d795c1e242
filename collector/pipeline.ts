import type { Logger } from 'pino';
import type { Config } from '../base/config.ts';
import { descriptorBudget } from '../base/descriptors.ts';
import type { ClockWatch } from './bronze/clock-watch.ts';
import type { DataFolder } from './bronze/data-folder.ts';
import { writingTo } from './bronze/disk.ts';
import { Recorder } from './bronze/recorder.ts';
import type { Topics } from './payload/topics.ts';
import { Loader } from './silver/loader.ts';
import type { Sensor } from './silver/registry.ts';

/*
 * Bronze and silver of a data folder, as everything has them that records: the collector, and the import of files.
 */

/** What both need. */
export interface PipelineParts {
  config: Config;
  /** Whose lock the caller has. */
  folder: DataFolder;
  topics: Topics;
  log: Logger;
  /** Stops what was started, in the reverse order. */
  undo: AsyncDisposableStack;
}

/** Starts recording: cuts what a crash left torn, first. @param clock compares the readings with the clock; it has been started. */
export async function startRecorder(
  { config, folder, topics, log, undo }: PipelineParts,
  clock?: ClockWatch,
): Promise<Recorder> {
  if (folder.crashed) log.warn('the last collector here did not stop cleanly; checking the raw files');
  const recorder = new Recorder({
    dataDir: config.DATA_DIR,
    topics,
    lateMinutes: config.LATE_MINUTES,
    hourly: config.RAW_PARTITION === 'hour' ? folder.collector : undefined,
    descriptors: descriptorBudget(),
    folder,
    clock,
    log,
  });
  // Also where the start fails: it may have opened files.
  undo.defer(async () => {
    await recorder.stop();
    if (!recorder.isWhole) folder.damaged();
  });
  await writingTo(config.DATA_DIR, () => recorder.start(folder.crashed));
  folder.repaired();
  return recorder;
}

/** Starts loading what is recorded; waits for no database. @param sensors are upserted into the registry. */
export function startLoader(
  { config, folder, topics, log, undo }: PipelineParts,
  recorder: Recorder,
  sensors: Sensor[],
): Loader {
  const { collector, epoch, token } = folder;
  const loader = new Loader({
    config,
    collector,
    writer: { epoch, token },
    topics: topics.text,
    sensors,
    log,
    sizes: () => recorder.sizes(),
  });
  recorder.groups.follow(({ files }) => loader.durable(files));
  loader.start();
  undo.defer(() => loader.stop());
  return loader;
}
