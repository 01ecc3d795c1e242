import type { ClientBase } from 'pg';

/*
 * How far an outlet has sent the raw files of its collector, kept in the database with the ledger: bronze.outlet,
 * bronze.outlet_file. Raw files that were set aside, or replayed from elsewhere, are not sent.
 */

/** A part of a raw file. */
export interface FileRange {
  /** Its key in the ledger. */
  path: string;
  /** Bytes. */
  from: number;
  to: number;
  /** In it. */
  lines: number;
}

/** A file that is loaded further than it is sent. */
export interface Unsent {
  path: string;
  /** Sent up to this byte. */
  sent: number;
  loaded: number;
}

/** Whose offsets they are. */
export interface OutletKey {
  outlet: string;
  collector: string;
}

/** Somebody else has moved the offsets: `sluice outlets replay`, or another process. They are read again. */
export class OutletMovedError extends Error {
  constructor({ outlet }: OutletKey) {
    super(`The offsets of the outlet ${outlet} were changed by another hand; reading them again.`);
    this.name = 'OutletMovedError';
  }
}

/** So many files are known at once to be unsent: what a long absence leaves is looked up bit by bit. */
export const MOST_UNSENT = 10_000;

/** The channel on which changed offsets are announced; the payload is the outlet's name. */
export const OUTLET_CHANNEL = 'sluice_outlet';

/** SQL: whether a file of the ledger is one of the raw folder, under its own name. */
const OWN_FILE = `f.path ~ '^\\d{4}-\\d\\d-\\d\\d.*\\.jsonl$'`;

/** SQL: the files of collector $2 with what outlet $1 has sent of them. */
const FILES = `bronze.raw_file f LEFT JOIN bronze.outlet_file o
  ON o.outlet = $1 AND o.collector = f.collector AND o.path = f.path
  WHERE f.collector = $2 AND ${OWN_FILE}`;

/**
 * Makes the row of an outlet where it is new, and says where it begins.
 * @param from `now`: with what is stored from now on; `beginning`; or a UTC date: with the files of that date.
 * @returns its counters.
 */
export async function registerOutlet(
  client: ClientBase,
  { outlet, collector }: OutletKey,
  from: string,
): Promise<{ sent: number; skipped: number; refused: number }> {
  const { rows } = await client.query<{ sent: number; skipped: number; refused: number }>(
    `WITH made AS (
       INSERT INTO bronze.outlet (outlet, collector, sends) VALUES ($1, $2, 'readings')
       ON CONFLICT (outlet, collector) DO NOTHING RETURNING outlet, collector
     ), placed AS (
       INSERT INTO bronze.outlet_file (outlet, collector, path, bytes, lines)
       SELECT made.outlet, f.collector, f.path, f.bytes, f.lines FROM made JOIN bronze.raw_file f USING (collector)
       WHERE ${OWN_FILE} AND CASE WHEN $3 = 'now' THEN true WHEN $3 = 'beginning' THEN false ELSE f.path COLLATE "C" < $3 END
     ), back AS (
       UPDATE bronze.outlet SET retired_at = NULL WHERE outlet = $1 AND collector = $2 AND retired_at IS NOT NULL
     )
     SELECT coalesce(sum(sent), 0)::float8 AS sent, coalesce(sum(skipped), 0)::float8 AS skipped,
       coalesce(sum(refused), 0)::float8 AS refused
     FROM bronze.outlet WHERE outlet = $1 AND collector = $2`,
    [outlet, collector, from],
  );
  return rows[0]!;
}

/** Notes which outlets the outlets file does not have any more: nothing is kept for them. */
export async function retireOutlets(
  client: ClientBase,
  collector: string,
  present: readonly string[],
): Promise<void> {
  await client.query(
    `UPDATE bronze.outlet SET retired_at = now()
     WHERE (collector = $1 OR (collector = '' AND holder = $1)) AND NOT outlet = ANY ($2::text[]) AND retired_at IS NULL`,
    [collector, present],
  );
}

/** The files that are loaded further than they are sent, oldest first; at most MOST_UNSENT. */
export async function readUnsent(client: ClientBase, { outlet, collector }: OutletKey): Promise<Unsent[]> {
  const { rows } = await client.query<Unsent>(
    `SELECT f.path, coalesce(o.bytes, 0)::float8 AS sent, f.bytes::float8 AS loaded FROM ${FILES}
       AND f.bytes > coalesce(o.bytes, 0) AND f.removed_at IS NULL
     ORDER BY f.path COLLATE "C" LIMIT ${MOST_UNSENT}`,
    [outlet, collector],
  );
  return rows;
}

/** How far these files are sent; of those that it has never sent from: 0. */
export async function readSent(
  client: ClientBase,
  { outlet, collector }: OutletKey,
  paths: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await client.query<{ path: string; bytes: number }>(
    `SELECT path, bytes::float8 AS bytes FROM bronze.outlet_file
     WHERE outlet = $1 AND collector = $2 AND path = ANY ($3::text[])`,
    [outlet, collector, paths],
  );
  return new Map(paths.map(path => [path, rows.find(row => row.path === path)?.bytes ?? 0]));
}

/**
 * Notes what the consumer has confirmed. An offset moves only from where the batch began.
 * @param sent how many messages the consumer has taken, and refused.
 * @throws {OutletMovedError}
 */
export async function moveSent(
  client: ClientBase,
  key: OutletKey,
  ranges: readonly FileRange[],
  { taken, refused }: { taken: number; refused: number },
): Promise<void> {
  const { rows } = await client.query<{ moved: number }>(
    `WITH r AS (
       SELECT * FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) AS r (path, from_byte, to_byte, lines)
     ), begun AS (
       INSERT INTO bronze.outlet_file (outlet, collector, path, bytes, lines)
       SELECT $1, $2, path, to_byte, lines FROM r WHERE from_byte = 0 ON CONFLICT DO NOTHING RETURNING path
     ), moved AS (
       UPDATE bronze.outlet_file o SET bytes = to_byte, lines = o.lines + r.lines
       FROM r WHERE o.outlet = $1 AND o.collector = $2 AND o.path = r.path AND o.bytes = from_byte
       RETURNING r.path
     ), counted AS (
       UPDATE bronze.outlet SET sent = sent + $7, refused = refused + $8,
         sent_at = CASE WHEN $7 > 0 THEN now() ELSE sent_at END
       WHERE outlet = $1 AND collector = $2
     )
     SELECT (SELECT count(*) FROM begun)::int + (SELECT count(*) FROM moved)::int AS moved`,
    [
      key.outlet,
      key.collector,
      ranges.map(({ path }) => path),
      ranges.map(({ from }) => from),
      ranges.map(({ to }) => to),
      ranges.map(({ lines }) => lines),
      taken,
      refused,
    ],
  );
  if (rows[0]!.moved !== ranges.length) throw new OutletMovedError(key);
}

/**
 * Gives up what cannot be sent any more: the rest of files that retention has removed, and of some that are not there.
 * @returns how many lines.
 */
export async function skipRemoved(
  client: ClientBase,
  { outlet, collector }: OutletKey,
  missing: readonly string[] = [],
): Promise<number> {
  const { rows } = await client.query<{ skipped: number }>(
    `WITH gone AS (
       SELECT f.path, f.bytes, f.lines, greatest(f.lines - coalesce(o.lines, 0), 0) AS skipped FROM ${FILES}
         AND f.bytes > coalesce(o.bytes, 0) AND (f.removed_at IS NOT NULL OR f.path = ANY ($3::text[]))
     ), moved AS (
       INSERT INTO bronze.outlet_file (outlet, collector, path, bytes, lines)
       SELECT $1, $2, path, bytes, lines FROM gone
       ON CONFLICT (outlet, collector, path) DO UPDATE SET bytes = excluded.bytes, lines = excluded.lines
     ), counted AS (
       UPDATE bronze.outlet SET skipped = skipped + (SELECT sum(skipped) FROM gone)
       WHERE outlet = $1 AND collector = $2 AND EXISTS (SELECT FROM gone)
     )
     SELECT coalesce(sum(skipped), 0)::float8 AS skipped FROM gone`,
    [outlet, collector, missing],
  );
  return rows[0]!.skipped;
}

/**
 * Lets an outlet send again from the files of a UTC date on. Files that are compressed are read as they are; of those that
 * retention has removed nothing is sent.
 * @returns how many files.
 */
export async function rewindReadings(client: ClientBase, outlet: string, date: string): Promise<number> {
  const { rowCount } = await client.query(
    `UPDATE bronze.outlet_file o SET bytes = 0, lines = 0 FROM bronze.raw_file f
     WHERE o.outlet = $1 AND f.collector = o.collector AND f.path = o.path AND o.bytes > 0
       AND o.path COLLATE "C" >= $2 AND f.removed_at IS NULL AND ${OWN_FILE}`,
    [outlet, date],
  );
  await client.query('SELECT pg_notify($1, $2)', [OUTLET_CHANNEL, outlet]);
  return rowCount!;
}
