import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '../../base/in-parallel.ts';
import type { DescriptorCache } from './descriptor-cache.ts';
import { repairLateMarks } from './late-marks.ts';
import { lateMarksIn, rawFolder } from './raw-file-name.ts';
import { listRawFiles } from './raw-folder.ts';
import { listRejectedFiles } from './rejected-file.ts';

/**
 * After a crash: cuts torn lines of the files of a data folder, and syncs what the crash left unsynced.
 * @param parallel how many files are looked at at once.
 * @param onBad called with a file that cannot be repaired: it is not to be written.
 */
export async function repairDataFolder(
  dataDir: string,
  files: DescriptorCache,
  parallel: number,
  onBad: (path: string, error: Error) => void,
): Promise<void> {
  const raw = [...(await listRawFiles(dataDir)).values()];
  const rejected = await listRejectedFiles(dataDir);
  const plain = raw.filter(file => file.plain).map(({ name }) => name.path);
  await inParallel([...plain, ...rejected.map(({ path }) => path)], parallel, async path => {
    try {
      const opened = await files.take(path);
      // The crash may have left whole lines that were written but never synced; the loader may read them only now.
      await opened.append(Buffer.alloc(0));
      files.giveBack(path, opened);
    } catch (error) {
      onBad(path, error as Error);
    }
  });
  const ofMarks = new Map(raw.map(file => [file.name.lateMarks, file]));
  const marks = (await readdir(rawFolder(dataDir))).map(lateMarksIn).filter(path => path !== undefined);
  await inParallel(marks, parallel, async path => {
    const file = ofMarks.get(path);
    // A compressed file was whole before; its marks have nothing to do with the crash.
    if (file !== undefined && !file.plain) return;
    const size = file === undefined ? undefined : (await stat(join(dataDir, file.name.path))).size;
    await repairLateMarks(join(dataDir, path), size).catch(error => onBad(path, error));
  });
}
