import type { ClientBase } from 'pg';
import type { Digest } from '../../../base/objects/checksum.ts';
import type { ObjectName } from './object-name.ts';

/* What the database says of copies: in bronze.raw_file of raw files, in bronze.rejected_file of those of rejected messages. */

/** A copy of a file in the archive. */
export interface Copy extends Digest {
  key: string;
  /** Up to where the object has the file, in bytes of its text. */
  bytes: number;
}

/** A raw file whose lines are not all in the archive. */
export interface Waiting {
  /** Its key. */
  path: string;
  /** It is loaded up to this byte. */
  bytes: number;
  firstLineHash: string | null;
}

/** The raw files of a collector that are not, or not to their end, in the archive, and that it has not removed. */
export async function readWaiting(client: ClientBase, collector: string): Promise<Waiting[]> {
  const { rows } = await client.query<{ path: string; bytes: string; first_line_hash: string | null }>(
    `SELECT path, bytes, first_line_hash FROM bronze.raw_file
     WHERE collector = $1 AND removed_at IS NULL AND bytes > coalesce(archived_bytes, 0) ORDER BY path`,
    [collector],
  );
  return rows.map(({ path, bytes, first_line_hash }) => ({
    path,
    bytes: Number(bytes),
    firstLineHash: first_line_hash,
  }));
}

/** Files of rejected messages that are not, or not to their end, in the archive, by UTC date. */
export async function readWaitingRejected(
  client: ClientBase,
  collector: string,
): Promise<Map<string, number>> {
  const { rows } = await client.query<{ day: string; bytes: string }>(
    `SELECT day::text, bytes FROM bronze.rejected_file
     WHERE collector = $1 AND bytes > coalesce(archived_bytes, 0) ORDER BY day`,
    [collector],
  );
  return new Map(rows.map(({ day, bytes }) => [day, Number(bytes)]));
}

/** A copy as the database has it. */
export interface RecordedCopy extends Copy {
  /** The key of the raw file, or the UTC date of a file of rejected messages. */
  path: string;
  of: 'raw_file' | 'rejected_file';
}

const COPY =
  'archived_bytes::float8 AS bytes, archive_key AS key, archive_sha256 AS sha256, archive_checksum AS checksum';

/** The copies of raw files, by their entries in the ledger. @param paths undefined: of all that a collector has ever had. */
export async function readCopies(
  client: ClientBase,
  collector: string,
  paths?: string[],
): Promise<RecordedCopy[]> {
  const { rows } = await client.query<RecordedCopy>(
    `SELECT path, 'raw_file' AS of, ${COPY} FROM bronze.raw_file
     WHERE collector = $1 AND ($2::text[] IS NULL OR path = ANY ($2)) AND archive_key IS NOT NULL ORDER BY path`,
    [collector, paths ?? null],
  );
  return rows;
}

/** The copies of files of rejected messages. */
export async function readRejectedCopies(client: ClientBase, collector: string): Promise<RecordedCopy[]> {
  const { rows } = await client.query<RecordedCopy>(
    `SELECT day::text AS path, 'rejected_file' AS of, ${COPY} FROM bronze.rejected_file
     WHERE collector = $1 AND archive_key IS NOT NULL ORDER BY day`,
    [collector],
  );
  return rows;
}

/** A file of the ledger that is in the archive. */
export interface ArchivedEntry extends RecordedCopy {
  collector: string;
  /** Of a raw file. */
  firstLineHash: string | null;
}

/** All copies that the database knows of, of all collectors, an object once; and how many files have lines that are in none. */
export async function readArchivedEntries(
  client: ClientBase,
): Promise<{ entries: ArchivedEntry[]; waiting: number }> {
  const { rows: entries } = await client.query<ArchivedEntry>(
    `SELECT DISTINCT ON (archive_key) collector, path, of, first_line_hash AS "firstLineHash", ${COPY} FROM (
       SELECT collector, path, 'raw_file' AS of, first_line_hash, archived_at, archived_bytes, archive_key, archive_sha256,
         archive_checksum FROM bronze.raw_file
       UNION ALL
       SELECT collector, day::text, 'rejected_file', NULL, archived_at, archived_bytes, archive_key, archive_sha256,
         archive_checksum FROM bronze.rejected_file
     ) e WHERE archive_key IS NOT NULL ORDER BY archive_key, archived_at DESC`,
  );
  const { rows } = await client.query<{ waiting: number }>(
    `SELECT count(*)::int AS waiting FROM bronze.raw_file
     WHERE removed_at IS NULL AND bytes > coalesce(archived_bytes, 0)`,
  );
  return { entries, waiting: rows[0]!.waiting };
}

/** Collectors all of whose files are in the archive, and nowhere else as far as the ledger knows. */
export async function archivedCollectors(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ collector: string }>(
    `SELECT collector FROM bronze.raw_file GROUP BY collector
     HAVING bool_and(removed_at IS NOT NULL AND archived_bytes IS NOT DISTINCT FROM bytes) ORDER BY 1`,
  );
  return rows.map(({ collector }) => collector);
}

/** Notes that a copy is not there any more, so that the file is copied again. */
export async function forgetCopy(
  client: ClientBase,
  collector: string,
  { path, of, checksum }: RecordedCopy,
): Promise<void> {
  await client.query(
    `UPDATE bronze.${of} SET archived_at = NULL, archived_bytes = NULL, archive_key = NULL, archive_sha256 = NULL,
       archive_checksum = NULL
     WHERE collector = $1 AND ${of === 'raw_file' ? 'path = $2' : 'day = $2::date'} AND archive_checksum = $3`,
    [collector, path, checksum],
  );
}

const SET = `SET archived_at = now(), archived_bytes = $3, archive_key = $4, archive_sha256 = $5, archive_checksum = $6`;
const valuesOf = ({ bytes, key, sha256, checksum }: Copy) => [bytes, key, sha256, checksum];

/** Notes the copy of a raw file, where its entry is still the one of that file. */
export async function noteCopy(
  client: ClientBase,
  collector: string,
  { path, firstLineHash }: Waiting,
  copy: Copy,
): Promise<void> {
  await client.query(
    `UPDATE bronze.raw_file ${SET}
     WHERE collector = $1 AND path = $2 AND bytes >= $3 AND first_line_hash IS NOT DISTINCT FROM $7`,
    [collector, path, ...valuesOf(copy), firstLineHash],
  );
}

/** The entry of a raw file that is in the archive: the path of the one that names the object, or where there is none, a free one. */
export async function entryOfCopy(
  client: ClientBase,
  { collector, file, part }: Pick<ObjectName, 'collector' | 'file' | 'part'>,
  key: string,
  hash: string,
): Promise<string> {
  const { rows } = await client.query<{ path: string; key: string | null; hash: string | null }>(
    `SELECT path, archive_key AS key, first_line_hash AS hash FROM bronze.raw_file
     WHERE collector = $1 AND (path = $2 OR archive_key = $3)`,
    [collector, file, key],
  );
  // A name may be that of a file and of those before it that were forgotten.
  const known =
    rows.find(row => row.key === key && row.hash === hash) ?? rows.find(({ path }) => path === file);
  if (known?.hash === hash && (known.key ?? key) === key) return known.path;
  return known === undefined && part === 1 ? file : `${file} (removed part ${part})`;
}

/**
 * Notes that a raw file was loaded from the archive.
 * @param isRemoved the file is nowhere else.
 */
export async function noteRestored(
  client: ClientBase,
  collector: string,
  path: string,
  copy: Copy,
  isRemoved: boolean,
): Promise<void> {
  await client.query(
    `UPDATE bronze.raw_file ${SET}, removed_at = CASE WHEN $7 THEN coalesce(removed_at, now()) ELSE removed_at END
     WHERE collector = $1 AND path = $2 AND archive_key IS NULL AND bytes >= $3`,
    [collector, path, ...valuesOf(copy), isRemoved],
  );
}

/** Notes the copy of a file of rejected messages. */
export async function noteRejectedCopy(
  client: ClientBase,
  collector: string,
  day: string,
  copy: Copy,
): Promise<void> {
  await client.query(`UPDATE bronze.rejected_file ${SET} WHERE collector = $1 AND day = $2`, [
    collector,
    day,
    ...valuesOf(copy),
  ]);
}
