import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RawFileName } from '../../../collector/bronze/raw-file-name.ts';
import { lookAt } from '../../../collector/bronze/raw-folder.ts';
import { compressRawFile } from '../../../collector/retention/raw-compression.ts';
import { reading, silent } from '../../commands/verify/pipeline.ts';
import { SmallDisk } from '../../faults/small-disk.ts';
import { eventually } from '../../harness/eventually.ts';
import { temporaryFolder } from '../../harness/server.ts';
import { startRecorder, textOf } from './house.ts';

const NAME = '2025-11-03_Sensor_1.jsonl';

test('on a full disk a file is neither compressed nor made plain, and is whole; with room again both work', async context => {
  await using folder = await temporaryFolder();
  await using disk = await SmallDisk.mount(folder.path, 16);
  if (disk === undefined) return context.skip('may not mount a small file system');
  const dataDir = disk.path;
  const raw = join(dataDir, 'raw');
  const recorder = await startRecorder(dataDir);
  const compress = async () =>
    compressRawFile(
      { dataDir, collector: 'test', recorder, log: silent },
      (await lookAt(dataDir, RawFileName.ofKey(NAME)!))!,
    );
  const record = (payload: string) => recorder.record('sensors/1', Buffer.from(payload)).durable;
  const lines = Array.from({ length: 2000 }, (_, n) =>
    // Nothing that could be compressed much.
    reading('Sensor 1', '2025-11-03T10:15:01Z', n, { text: randomBytes(750).toString('base64') }),
  );
  await writeFile(join(raw, NAME), `${lines.join('\n')}\n`);
  const text = await textOf(raw, NAME);

  await disk.fill();
  await expect(compress()).rejects.toThrow('ENOSPC');
  expect(await readdir(raw)).toEqual([NAME]);
  await disk.free();
  expect(await compress()).toBe(true);

  const late = reading('Sensor 1', '2025-11-03T10:15:02Z', 1);
  await disk.fill();
  await expect(record(late)).rejects.toThrow('ENOSPC');
  expect(await readdir(raw)).toEqual([`${NAME}.gz`]);
  expect(await textOf(raw, NAME)).toBe(text);
  await disk.free();
  await eventually(() => expect(recorder.failure).toBeUndefined());
  await record(late);
  expect(await textOf(raw, NAME)).toBe(`${text}${late}\n`);
  await recorder.stop();
});
