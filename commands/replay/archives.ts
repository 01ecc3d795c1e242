import { mkdir } from 'node:fs/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { Config } from '../../base/config.ts';
import { UsageError } from '../../base/errors.ts';
import { isObjectUrl } from '../../base/objects/location.ts';
import { ObjectStore } from '../../base/objects/object-store.ts';
import { sever } from '../../db/connect.ts';
import { ArchivedFiles } from './archived-files.ts';
import { type ArchiveScope, findObjects } from './archived-objects.ts';
import type { Replay, Replayed } from './replay.ts';

/** Options that are about archives. */
export interface ArchiveArguments {
  fromArchive?: boolean;
  date?: string;
  collector?: string;
}

/** Where in an archive files are taken from. */
export interface ArchivePlace extends ArchiveScope {
  /** `s3://bucket/prefix`. */
  url: string;
}

/** @throws {UsageError} where files and archives are both named, or options that do not belong together. */
export function archivesOf(
  { ARCHIVE_URL: own }: Config,
  places: string[],
  { fromArchive = false, date, collector }: ArchiveArguments,
): ArchivePlace[] {
  const urls = places.filter(isObjectUrl);
  if (urls.length > 0 && (fromArchive || urls.length < places.length))
    throw new UsageError('Name either files and folders, or places in an archive, or --from-archive.');
  if (fromArchive && places.length > 0) throw new UsageError('--from-archive takes no files or folders.');
  if (fromArchive && own === undefined)
    throw new UsageError('--from-archive needs ARCHIVE_URL; or name the archive as s3://bucket/prefix.');
  if (!fromArchive && urls.length === 0) {
    if (date !== undefined || collector !== undefined)
      throw new UsageError(
        '--date and --collector are for --from-archive, and for archives named as s3://bucket/prefix.',
      );
    return [];
  }
  return (fromArchive ? [own!] : urls).map(place => {
    // What a person copies from a listing may be a date, a collector or a file.
    const at = place.search(/(?<=\/)date=/);
    const [url, under] = at < 0 ? [place, undefined] : [place.slice(0, at), place.slice(at)];
    return { url, ...(under === undefined ? {} : { under }), date, collector };
  });
}

/** Loads what is in archives, one after the other. */
export async function* replayArchives(
  config: Config,
  log: Logger,
  archives: ArchivePlace[],
  work: { replay: Replay; open: () => Promise<pg.Client>; collector: string; dryRun: boolean },
): AsyncGenerator<Replayed> {
  const { replay, open, collector, dryRun } = work;
  for (const { url, ...scope } of archives) {
    await mkdir(config.DATA_DIR, { recursive: true });
    using store = await ObjectStore.open(config, url);
    const objects = await findObjects(store, scope);
    const client = await open();
    const files = new ArchivedFiles({ store, client, log, dataDir: config.DATA_DIR, collector, dryRun });
    try {
      yield* replay.run(
        files.bring(objects),
        objects.reduce((sum, { size }) => sum + size, 0),
      );
    } finally {
      sever(client);
    }
    replay.refused.push(...files.refused);
  }
}
