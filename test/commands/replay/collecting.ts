import { expect } from 'vitest';
import { readConfig } from '../../../base/config.ts';
import { zoneOf } from '../../../base/time.ts';
import { DataFolder } from '../../../collector/bronze/data-folder.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { configuredTopics } from '../../../collector/payload/configured-topics.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { Loader } from '../../../collector/silver/loader.ts';
import { readRegistry } from '../../../collector/silver/registry-file.ts';
import { eventually } from '../../harness/eventually.ts';
import { type Pipeline, SENSORS_FILE, silent } from '../verify/pipeline.ts';

/**
 * The recorder and the loader of a collector, at work in the pipeline's data folder; the broker is not needed.
 * @param now the recorder's clock. @param partition RAW_PARTITION.
 */
export async function collect(
  { dataDir, env }: Pick<Pipeline, 'dataDir' | 'env'>,
  now: () => number = Date.now,
  partition: 'sensor' | 'hour' = 'sensor',
) {
  await using stack = new AsyncDisposableStack();
  const folder = await DataFolder.lock(dataDir, 'sluice');
  stack.defer(() => folder.unlock());
  const config = readConfig({ ...env, BATCH_MS: '5', BATCH_ROWS: '500', LOG_LEVEL: 'silent' });
  const recorder = new Recorder({
    dataDir,
    topics: defaultTopics(['#'], zoneOf('UTC')),
    lateMinutes: 5,
    hourly: partition === 'hour' ? folder.collector : undefined,
    descriptors: 16,
    log: silent,
    now,
  });
  await recorder.start(folder.crashed);
  stack.defer(() => recorder.stop());
  const { collector } = folder;
  const sensors = await readRegistry(SENSORS_FILE);
  const loader = new Loader({
    config,
    collector,
    topics: configuredTopics(config).text,
    sensors,
    log: silent,
    sizes: () => recorder.sizes(),
  });
  recorder.groups.follow(({ files }) => loader.durable(files));
  loader.start();
  stack.defer(() => loader.stop());
  await eventually(() => expect(loader.status.database.connected).toBe(true));
  const running = stack.move();
  return {
    /** Resolves when the readings are on disk. */
    record: async (lines: string[]) => {
      const groups = new Set(lines.map(line => recorder.record('sensors/1', Buffer.from(line)).durable));
      await Promise.all(groups);
    },
    /** Resolves when everything is loaded. */
    drain: async () => expect(await loader.drain(30_000)).toBe(true),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
