import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '../../base/in-parallel.ts';
import type { DescriptorCache } from './descriptor-cache.ts';
import { lateMarksName, repairLateMarks } from './late-marks.ts';

/**
 * After a crash: cuts torn lines of the files of a folder, and syncs what the crash left unsynced.
 * @param root the data folder. @param folder `raw` or `rejected`.
 * @param parallel how many files are looked at at once.
 */
export async function repairFolder(
  root: string,
  folder: string,
  files: DescriptorCache,
  parallel: number,
): Promise<void> {
  const names = await readdir(join(root, folder));
  const lines = names.filter(name => name.endsWith('.jsonl'));
  await inParallel(lines, parallel, async name => {
    const file = `${folder}/${name}`;
    const opened = await files.take(file);
    // The crash may have left whole lines that were written but never synced; the loader may read them only now.
    await opened.append(Buffer.alloc(0));
    files.giveBack(file, opened);
  });
  // A compressed file was whole before; its marks have nothing to do with the crash.
  const compressed = new Set(names.filter(name => name.endsWith('.jsonl.gz')).map(lateMarksName));
  const plain = new Map(lines.map(name => [lateMarksName(name), name]));
  const marks = names.filter(name => name.endsWith('.late') && (plain.has(name) || !compressed.has(name)));
  await inParallel(marks, parallel, async name => {
    const rawFile = plain.get(name);
    const size = rawFile === undefined ? undefined : (await stat(join(root, folder, rawFile))).size;
    await repairLateMarks(join(root, folder, name), size);
  });
}
