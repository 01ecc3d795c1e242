import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { syncFolder } from '../bronze/append-file.ts';
import { compressedPath, rawFolder } from '../bronze/raw-file-name.ts';
import { lookAt, type StandingFile } from '../bronze/raw-folder.ts';
import { listRejectedFiles, type RejectedFile, rejectedFolder } from '../bronze/rejected-file.ts';
import type { RawFolder } from './raw-compression.ts';
import { loadedFilesBefore } from './raw-files.ts';

/** Files that are removed between two groups of the recorder. */
const AT_ONCE = 50;

/** Looks in the archive which files are there, to their end. The others stay. */
export interface ArchiveLook {
  rawFiles(files: StandingFile[]): Promise<StandingFile[]>;
  rejectedFiles(files: RejectedFile[]): Promise<RejectedFile[]>;
}

/**
 * Removes the raw files of the days before `before` (a UTC date) that are loaded, and the rejected messages that came
 * before it. The ledger says so first: a file that is gone and that it does not name was removed by somebody else.
 * @param archive where there is one; what is not in it stays.
 * @returns how many raw files.
 * @throws errors of the disk and of the database; what is removed by then stays so.
 */
export async function removeRawFiles(
  client: ClientBase,
  raw: RawFolder,
  before: string,
  signal?: AbortSignal,
  archive?: ArchiveLook,
): Promise<number> {
  let removed = 0;
  for await (const files of loadedFilesBefore(client, raw.collector, raw.dataDir, before, 'all')) {
    for (let at = 0; at < files.length; at += AT_ONCE) {
      signal?.throwIfAborted();
      const some = files.slice(at, at + AT_ONCE);
      removed += await remove(client, raw, (await archive?.rawFiles(some)) ?? some, archive !== undefined);
    }
  }
  await removeRejected(raw, before, archive);
  return removed;
}

async function remove(
  client: ClientBase,
  raw: RawFolder,
  files: StandingFile[],
  isArchived: boolean,
): Promise<number> {
  const marked = await setRemoved(client, raw.collector, files, true, isArchived);
  const gone = new Set<string>();
  await raw.recorder.exchange(
    // The marks may be open as well.
    files.flatMap(({ name }) => [name.path, name.lateMarks]),
    async whole => {
      for (const file of files) {
        const { name } = file;
        if (!marked.has(name.key) || !whole.includes(name.path)) continue;
        const now = await lookAt(raw.dataDir, name);
        if (now === undefined || now.bytes !== file.bytes) continue;
        await unlink(now.compressed ? compressedPath(file.path) : file.path);
        await unlink(join(raw.dataDir, name.lateMarks)).catch(ignoreMissing);
        gone.add(name.path);
      }
      await syncFolder(rawFolder(raw.dataDir));
      return [...gone];
    },
  );
  // A late reading has come meanwhile: the next night decides again.
  await setRemoved(
    client,
    raw.collector,
    files.filter(({ name }) => !gone.has(name.path)),
    false,
  );
  return gone.size;
}

/**
 * Notes in the ledger that files are removed, or that they are not.
 * @param isArchived those with lines that are not in the archive are left out.
 * @returns those whose entry is as it was.
 */
async function setRemoved(
  client: ClientBase,
  collector: string,
  files: StandingFile[],
  removed: boolean,
  isArchived = false,
): Promise<Set<string>> {
  if (files.length === 0) return new Set();
  const { rows } = await client.query<{ path: string }>(
    `UPDATE bronze.raw_file f SET removed_at = CASE WHEN $4 THEN now() END
     FROM unnest($2::text[], $3::bigint[]) AS s (path, bytes)
     WHERE f.collector = $1 AND f.path = s.path AND (f.bytes = s.bytes OR NOT $4)
       AND (f.archived_bytes = f.bytes OR NOT $5) RETURNING f.path`,
    [collector, files.map(({ name }) => name.key), files.map(({ bytes }) => bytes), removed, isArchived],
  );
  return new Set(rows.map(({ path }) => path));
}

async function removeRejected(
  { dataDir, recorder }: RawFolder,
  before: string,
  archive: ArchiveLook | undefined,
): Promise<void> {
  const due = (await listRejectedFiles(dataDir)).filter(({ date }) => date < before);
  const old = (await archive?.rejectedFiles(due)) ?? due;
  if (old.length === 0) return;
  await recorder.exchange(
    old.map(({ path }) => path),
    async whole => {
      for (const file of whole) await unlink(join(dataDir, file)).catch(ignoreMissing);
      await syncFolder(rejectedFolder(dataDir));
      return whole;
    },
  );
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
