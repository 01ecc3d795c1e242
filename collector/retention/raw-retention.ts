import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { syncFolder } from '../bronze/append-file.ts';
import { archivePath } from '../bronze/archive.ts';
import { lateMarksName } from '../bronze/late-marks.ts';
import type { RawFolder } from './raw-compression.ts';
import { loadedFilesBefore, lookAt, type OldFile } from './raw-files.ts';

/** Files that are removed between two groups of the recorder. */
const AT_ONCE = 50;

/**
 * Removes the raw files of the days before `before` (a UTC date) that are loaded, and the rejected messages that came
 * before it. The ledger says so first: a file that is gone and that it does not name was removed by somebody else.
 * @returns how many raw files.
 * @throws errors of the disk and of the database; what is removed by then stays so.
 */
export async function removeRawFiles(
  client: ClientBase,
  raw: RawFolder,
  before: string,
  signal?: AbortSignal,
): Promise<number> {
  const folder = join(raw.dataDir, 'raw');
  let removed = 0;
  for await (const files of loadedFilesBefore(client, raw.collector, folder, before, 'all')) {
    for (let at = 0; at < files.length; at += AT_ONCE) {
      signal?.throwIfAborted();
      removed += await remove(client, raw, files.slice(at, at + AT_ONCE));
    }
  }
  await removeRejected(raw, before);
  return removed;
}

async function remove(client: ClientBase, raw: RawFolder, files: OldFile[]): Promise<number> {
  const folder = join(raw.dataDir, 'raw');
  const marked = await setRemoved(client, raw.collector, files, true);
  const gone = new Set<string>();
  await raw.recorder.exchange(
    // The marks may be open as well.
    files.flatMap(({ name }) => [`raw/${name}`, `raw/${lateMarksName(name)}`]),
    async whole => {
      for (const file of files) {
        if (!marked.has(file.name) || !whole.includes(`raw/${file.name}`)) continue;
        const now = await lookAt(folder, file.name);
        if (now === undefined || now.bytes !== file.bytes) continue;
        await unlink(now.archived ? archivePath(file.path) : file.path);
        await unlink(lateMarksName(file.path)).catch(ignoreMissing);
        gone.add(file.name);
      }
      await syncFolder(folder);
      return [...gone].map(name => `raw/${name}`);
    },
  );
  // A late reading has come meanwhile: the next night decides again.
  await setRemoved(
    client,
    raw.collector,
    files.filter(({ name }) => !gone.has(name)),
    false,
  );
  return gone.size;
}

/** Notes in the ledger that files are removed, or that they are not. @returns those whose entry is as it was. */
async function setRemoved(
  client: ClientBase,
  collector: string,
  files: OldFile[],
  removed: boolean,
): Promise<Set<string>> {
  if (files.length === 0) return new Set();
  const { rows } = await client.query<{ path: string }>(
    `UPDATE bronze.raw_file f SET removed_at = CASE WHEN $4 THEN now() END
     FROM unnest($2::text[], $3::bigint[]) AS s (path, bytes)
     WHERE f.collector = $1 AND f.path = s.path AND (f.bytes = s.bytes OR NOT $4) RETURNING f.path`,
    [collector, files.map(({ name }) => name), files.map(({ bytes }) => bytes), removed],
  );
  return new Set(rows.map(({ path }) => path));
}

async function removeRejected({ dataDir, recorder }: RawFolder, before: string): Promise<void> {
  const folder = join(dataDir, 'rejected');
  const names = (await readdir(folder)).filter(
    name => /^\d{4}-\d\d-\d\d\.jsonl$/.test(name) && name.slice(0, 10) < before,
  );
  if (names.length === 0) return;
  await recorder.exchange(
    names.map(name => `rejected/${name}`),
    async whole => {
      for (const file of whole) await unlink(join(dataDir, file)).catch(ignoreMissing);
      await syncFolder(folder);
      return whole;
    },
  );
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
