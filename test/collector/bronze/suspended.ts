import { writeSync } from 'node:fs';
import { zoneOf } from '../../../base/time.ts';
import { DataFolder } from '../../../collector/bronze/data-folder.ts';
import { Recorder } from '../../../collector/bronze/recorder.ts';
import { defaultTopics } from '../../../collector/payload/topics.ts';
import { silent } from '../../harness/pipeline.ts';

/*
 * A process to be suspended: records readings without a pause, and prints the number of each that it would acknowledge. Ends
 * with status 3 when its folder is another's.
 *
 *   node suspended.ts FOLDER
 */
const [dataDir] = [process.argv[2]!];
const folder = await DataFolder.lock(dataDir, 'sluice');
const recorder = new Recorder({
  dataDir,
  topics: defaultTopics(['#'], zoneOf('UTC')),
  lateMinutes: 5,
  descriptors: 16,
  log: silent,
  folder,
});
await recorder.start(folder.crashed);
void folder.lost.then(() => process.exit(3));
for (let n = 0; ; n++) {
  const payload = JSON.stringify({ id: 'Sensor 1', dt: '2025-11-12T10:00:00Z', value: n, of: 'suspended' });
  await recorder.record('sensors/1', Buffer.from(payload)).durable.catch(() => new Promise(() => undefined));
  writeSync(1, `${n}\n`);
}
