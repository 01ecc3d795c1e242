import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Writes a file so that at no time a part of it can be seen under its name: under another one first, fsynced, then
 * renamed. Makes the folder where it is missing. What is there is replaced; after an error it is as it was.
 */
export async function writeAtomically(file: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.new`;
  try {
    await using handle = await open(draft, 'w');
    await handle.writeFile(content);
    await handle.sync();
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Removes what writers that were killed have left in a folder that nobody else writes to at present. */
export async function removeDrafts(folder: string): Promise<void> {
  const drafts = (await readdir(folder)).filter(name => /\.\d+\.new$/.test(name));
  for (const name of drafts) await rm(join(folder, name), { force: true });
}
