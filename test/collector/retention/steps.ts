import { writeSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/*
 * A process that compresses a raw file and makes it plain again, twice, and kills itself before the given one of the calls
 * that change a folder. Prints the number of each reading that is on disk, and at its end how many calls there were.
 *
 *   node steps.ts FOLDER CALL
 */
const [dataDir, last] = [process.argv[2]!, Number(process.argv[3])];
let calls = 0;
for (const name of ['rename', 'unlink', 'rm', 'open'] as const) {
  const original = fs[name] as (...args: unknown[]) => Promise<unknown>;
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      if (++calls === last) process.kill(process.pid, 'SIGKILL');
      return original(...args);
    },
  });
}
syncBuiltinESMExports();

const { startRecorder } = await import('./house.ts');
const { compressRawFile } = await import('../../../collector/retention/raw-compression.ts');
const { RawFileName } = await import('../../../collector/bronze/raw-file-name.ts');
const { lookAt } = await import('../../../collector/bronze/raw-folder.ts');
const { silent } = await import('../../harness/pipeline.ts');

const recorder = await startRecorder(dataDir);
const name = RawFileName.ofKey('2025-11-03_Sensor_1.jsonl')!;
calls = 0;
for (let n = 0; n < 5; n++) {
  const payload = JSON.stringify({ id: 'Sensor 1', dt: `2025-11-03T10:00:0${n}Z`, value: n });
  await recorder.record('sensors/1', Buffer.from(payload)).durable;
  writeSync(1, `${n}\n`);
  const file = (await lookAt(dataDir, name))!;
  if (n % 2 === 0) await compressRawFile({ dataDir, collector: 'steps', recorder, log: silent }, file);
}
await recorder.stop();
writeSync(1, `calls ${calls}\n`);
