import { readdir, readFile, stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

/** Raw or rejected files of a folder, whether they are compressed or not, by the names of their plain forms. */
export async function textsIn(folder: string): Promise<Set<string>> {
  const names = await readdir(folder);
  return new Set(names.filter(name => /\.jsonl(\.gz)?$/.test(name)).map(name => name.replace(/\.gz$/, '')));
}

/** The text of a file, in the form that it has now: a collector at work may change that between two looks. */
export async function textOf(path: string): Promise<Buffer> {
  return inEitherForm(
    () => readFile(path),
    async () => gunzipSync(await readFile(`${path}.gz`)),
  );
}

/** How long the text of a file is. */
export async function textLength(path: string): Promise<number> {
  return inEitherForm(
    async () => (await stat(path)).size,
    async () => (await textOf(path)).length,
  );
}

async function inEitherForm<T>(plain: () => Promise<T>, compressed: () => Promise<T>): Promise<T> {
  for (let left = 10; ; left--) {
    for (const read of [plain, compressed]) {
      try {
        return await read();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || left === 0) throw error;
      }
    }
  }
}
