import { writeSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isRawFileName } from '../../../collector/bronze/partition.ts';
import { compressRawFile } from '../../../collector/retention/raw-compression.ts';
import { lookAt } from '../../../collector/retention/raw-files.ts';
import { silent } from '../../harness/pipeline.ts';
import { startRecorder } from './house.ts';

/*
 * A process to be killed: records readings of days that are over and compresses their files, both without a pause. Prints
 * the number of each reading that is on disk.
 *
 *   node press.ts FOLDER FIRST_NUMBER
 */
const [dataDir, first] = [process.argv[2]!, Number(process.argv[3])];
const recorder = await startRecorder(dataDir, { repair: true });
const raw = { dataDir, collector: 'press', recorder, log: silent };
const folder = join(dataDir, 'raw');

async function record(): Promise<never> {
  for (let n = first; ; n++) {
    const payload = JSON.stringify({
      id: `Sensor ${n % 2}`,
      dt: `2025-11-0${1 + (n % 3)}T10:00:00Z`,
      value: n,
    });
    await recorder.record('sensors/1', Buffer.from(payload)).durable;
    writeSync(1, `${n}\n`);
  }
}

async function compress(): Promise<never> {
  for (;;) {
    for (const name of (await readdir(folder)).filter(isRawFileName)) {
      const file = await lookAt(folder, name);
      // It counts what is written; what of it is durable, the exchange asks the recorder.
      if (file !== undefined && !file.archived && file.bytes > 0) await compressRawFile(raw, folder, file);
    }
  }
}

await Promise.all([record(), compress()]);
