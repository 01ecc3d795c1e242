import type { Logger } from 'pino';
import { zoneOf } from '../../../../base/time.ts';
import { Recorder } from '../../../../collector/bronze/recorder.ts';
import { defaultTopics } from '../../../../collector/payload/topics.ts';
import { MqttSource } from '../../../../collector/source/mqtt/mqtt-source.ts';
import { configFor, silent } from '../../../harness/pipeline.ts';
import { temporaryFolder } from '../../../harness/server.ts';

interface Choice {
  log?: Logger;
  /** Default: a folder of its own, which is removed at the end of the scope. */
  dataDir?: string;
  /** Further settings. */
  env?: Record<string, string>;
  quietMs?: number;
}

/** A recorder and a source on it that is not started yet. */
export async function sourceOn(url: string, { log = silent, dataDir, env = {}, quietMs }: Choice = {}) {
  await using stack = new AsyncDisposableStack();
  const folder = dataDir ?? stack.use(await temporaryFolder()).path;
  const recorder = new Recorder({
    dataDir: folder,
    topics: defaultTopics(['#'], zoneOf('UTC')),
    lateMinutes: 5,
    descriptors: 64,
    log,
  });
  await recorder.start(false);
  stack.defer(() => recorder.stop());
  const config = configFor({ MQTT_URL: url, DATA_DIR: folder, ...env });
  const source = new MqttSource(config, config.MQTT_TOPICS, recorder, log, quietMs);
  stack.defer(() => source.stop());
  const kept = stack.move();
  return { source, recorder, dataDir: folder, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
