import type { ClientBase } from 'pg';
import { KEPT_SINCE } from '../../silver/kept-since.ts';
import { READINGS_FORM } from './decoded-file.ts';

/* What the database says of the lake's objects: in bronze.lake_file of decoded files, in bronze.lake_day of days. */

/** An archived file that the lake does not have as it is. */
export interface Undecoded {
  collector: string;
  /** Its entry in the ledger. */
  path: string;
  firstLineHash: string | null;
  /** The object, and up to where it has the file. */
  archiveKey: string;
  archivedBytes: number;
  /** What is decoded, and by what: see bronze.lake_file. */
  source: string;
  decodedWith: string;
}

/** Archived files of these collectors that were never decoded, or that are longer, or were loaded with another topics file, since. */
export async function readUndecoded(client: ClientBase, collectors: string[]): Promise<Undecoded[]> {
  const { rows } = await client.query<Undecoded>(
    `SELECT * FROM (
       SELECT DISTINCT ON (archive_key) collector, path, first_line_hash AS "firstLineHash", archive_key AS "archiveKey",
         archived_bytes::float8 AS "archivedBytes", archive_checksum AS source,
         '${READINGS_FORM} ' || coalesce((
           SELECT string_agg(from_byte || ':' || hash, ' ' ORDER BY from_byte) FROM bronze.decoded_with d
           WHERE d.collector = f.collector AND d.path = f.path AND from_byte < archived_bytes
         ), 'plain') AS "decodedWith"
       FROM bronze.raw_file f WHERE archive_key IS NOT NULL AND collector = ANY ($1) ORDER BY archive_key, archived_at DESC
     ) f
     WHERE NOT EXISTS (
       SELECT FROM bronze.lake_file l
       WHERE l.object = f."archiveKey" AND l.source = f.source AND l.decoded_with = f."decodedWith"
     )
     ORDER BY "archiveKey"`,
    [collectors],
  );
  return rows;
}

/** A decoded file as it was written. */
export interface DecodedObject {
  key: string;
  sha256: string;
  bytes: number;
  readings: number;
}

/**
 * Notes a decoded file. What the database knows of the days of its conflicts names the object, which it may not have done
 * before: these days are made anew.
 */
export async function noteDecoded(
  client: ClientBase,
  { collector, path, archiveKey, source, decodedWith }: Undecoded,
  { key, sha256, bytes, readings }: DecodedObject,
): Promise<void> {
  await client.query(
    `WITH noted AS (
       INSERT INTO bronze.lake_file AS l (object, collector, source, decoded_with, key, sha256, bytes, readings)
       VALUES ($3, $1, $4, $5, $6, $7, $8, $9)
       ON CONFLICT (object) DO UPDATE SET source = excluded.source, decoded_with = excluded.decoded_with,
         key = excluded.key, sha256 = excluded.sha256, bytes = excluded.bytes, readings = excluded.readings, made_at = now(),
         listed_at = NULL
     )
     UPDATE bronze.lake_day SET changed_at = clock_timestamp() WHERE day IN (
       SELECT (time AT TIME ZONE 'UTC')::date FROM silver.conflicting_reading WHERE collector = $1 AND path = $2
       UNION SELECT (time AT TIME ZONE 'UTC')::date FROM silver.rejected_line WHERE collector = $1 AND path = $2 AND reading > 0
     )`,
    [collector, path, archiveKey, source, decodedWith, key, sha256, bytes, readings],
  );
}

/** A decoded file in the list of its date and collector. */
export interface Listed extends Omit<DecodedObject, 'bytes'> {
  /** The archived file. */
  object: string;
}

/** Dates and collectors whose list does not name a decoded file as it is. */
export async function readUnlisted(
  client: ClientBase,
  collectors: string[],
): Promise<{ date: string; collector: string }[]> {
  const { rows } = await client.query<{ date: string; collector: string }>(
    `SELECT DISTINCT substr(object, 6, 10) AS date, collector FROM bronze.lake_file
     WHERE listed_at IS NULL AND collector = ANY ($1) ORDER BY 1, 2`,
    [collectors],
  );
  return rows;
}

/** All decoded files of a date and collector. */
export async function readList(client: ClientBase, date: string, collector: string): Promise<Listed[]> {
  const { rows } = await client.query<Listed>(
    `SELECT key, object, sha256, readings::float8 AS readings FROM bronze.lake_file
     WHERE collector = $1 AND object LIKE 'date=' || $2 || '/%' ORDER BY key`,
    [collector, date],
  );
  return rows;
}

/** Notes that a list was written. */
export async function noteListed(client: ClientBase, listed: readonly Listed[]): Promise<void> {
  await client.query(
    `UPDATE bronze.lake_file l SET listed_at = now() FROM unnest($1::text[], $2::text[]) AS w (object, sha256)
     WHERE l.object = w.object AND l.sha256 = w.sha256`,
    [listed.map(({ object }) => object), listed.map(({ sha256 }) => sha256)],
  );
}

/**
 * Days that are to be made: those of which something changed since, or that never were. What silver has begun to forget
 * stays as it is.
 * @param before a UTC date. @param restHours a day that was made so recently waits.
 */
export async function readDueDays(client: ClientBase, before: string, restHours: number): Promise<string[]> {
  const { rows } = await client.query<{ day: string }>(
    `SELECT day::text FROM bronze.lake_day
     WHERE day < $1 AND made_of IS DISTINCT FROM changed_at AND day::timestamp AT TIME ZONE 'UTC' >= ${KEPT_SINCE}
       AND (made_at IS NULL OR made_at <= now() - $2 * INTERVAL '1 hour') ORDER BY day`,
    [before, restHours],
  );
  return rows.map(({ day }) => day);
}

/** How long a collector has a day to itself: one that died holds up the others for no longer. */
const HOLD = '15 minutes';

/** Takes a day, so that no other collector makes it at the same time. @returns its `changed_at`; undefined where another is at it. */
export async function holdDay(client: ClientBase, day: string): Promise<string | undefined> {
  const { rows } = await client.query<{ changed: string }>(
    `UPDATE bronze.lake_day SET held_until = now() + INTERVAL '${HOLD}'
     WHERE day = $1 AND (held_until IS NULL OR held_until < now()) RETURNING changed_at::text AS changed`,
    [day],
  );
  return rows[0]?.changed;
}

/** Lets go of a day. @param changed what it was made of; undefined: it was not. */
export async function releaseDay(
  client: ClientBase,
  day: string,
  changed: string | undefined,
): Promise<void> {
  await client.query(
    `UPDATE bronze.lake_day SET held_until = NULL, made_of = coalesce($2, made_of),
       made_at = CASE WHEN $2 IS NULL THEN made_at ELSE now() END
     WHERE day = $1`,
    [day, changed],
  );
}
