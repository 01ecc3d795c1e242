import { writeSync } from 'node:fs';
import { listRawFiles, lookAt } from '../../../collector/bronze/raw-folder.ts';
import { compressRawFile } from '../../../collector/retention/raw-compression.ts';
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
    for (const { name, plain } of (await listRawFiles(dataDir)).values()) {
      const file = plain ? await lookAt(dataDir, name) : undefined;
      // It counts what is written; what of it is durable, the exchange asks the recorder.
      if (file !== undefined && !file.compressed && file.bytes > 0) await compressRawFile(raw, file);
    }
  }
}

await Promise.all([record(), compress()]);
