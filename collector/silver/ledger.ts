import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { type BatchLine, rejectedOf } from './batch-line.ts';
import type { ByteRange } from './byte-range.ts';
import { COUNTERS, type Counters } from './counters.ts';

/** What bronze.raw_file says of a file. */
export interface LedgerEntry extends Counters {
  path: string;
  /** The file is loaded up to this byte. */
  bytes: number;
  firstLineHash: string | null;
  /** The newest second (since 1970) that was recorded before `bytes`; undefined where nobody has noted it. */
  newest: number | undefined;
  /** When the file was removed because it was too old; undefined where it was not. */
  removedAt: string | undefined;
  /** The archive has all that is loaded of it. */
  isArchived: boolean;
  /** When `sluice verify --changed` last found nothing amiss with all that is loaded of it, in ms since 1970; undefined: it has yet to look. */
  verifiedAt: number | undefined;
}

/** The ledger of a collector, by path. */
export function readLedger(client: ClientBase, collector: string): Promise<Map<string, LedgerEntry>> {
  return selectEntries(client, 'collector = $1', [collector]);
}

/** What the ledger of a collector says of these files, by path. */
export function readEntries(
  client: ClientBase,
  collector: string,
  paths: string[],
): Promise<Map<string, LedgerEntry>> {
  return selectEntries(client, 'collector = $1 AND path = ANY ($2::text[])', [collector, paths]);
}

async function selectEntries(
  client: ClientBase,
  where: string,
  values: unknown[],
): Promise<Map<string, LedgerEntry>> {
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT path, bytes, first_line_hash, extract(epoch FROM newest)::bigint AS newest, removed_at::text,
       archived_bytes = bytes AS archived,
       CASE WHEN verified_bytes = bytes THEN extract(epoch FROM verified_at) * 1000 END AS verified_ms,
       ${COUNTERS}
     FROM bronze.raw_file WHERE ${where}`,
    values,
  );
  return new Map(
    rows.map(row => [
      row.path!,
      {
        path: row.path!,
        bytes: Number(row.bytes),
        firstLineHash: row.first_line_hash ?? null,
        newest: row.newest == null ? undefined : Number(row.newest),
        removedAt: row.removed_at ?? undefined,
        verifiedAt: row.verified_ms == null ? undefined : Number(row.verified_ms),
        isArchived: (row.archived as unknown as boolean | null) ?? false,
        ...(Object.fromEntries(COUNTERS.map(name => [name, Number(row[name])])) as Counters),
      },
    ]),
  );
}

/** SHA-256 (hex) of a file's first line. */
export function firstLineHash(line: Buffer): string {
  return createHash('sha256').update(line).digest('hex');
}

/**
 * Puts the entry of a file aside under another name, because another file has taken its own: that one is loaded from its
 * beginning, and what the former one brought stays on record.
 * @returns the new name.
 */
export async function setEntryAside(client: ClientBase, collector: string, path: string): Promise<string> {
  const { rows } = await client.query<{ path: string }>(
    `UPDATE bronze.raw_file SET path = format('%s (%s %s)', path, CASE WHEN removed_at IS NULL THEN 'replaced' ELSE 'removed' END, $3::text)
     WHERE collector = $1 AND path = $2 RETURNING path`,
    [collector, path, new Date().toISOString()],
  );
  return rows[0]?.path ?? path;
}

/** The key of the raw file that an entry is about, whether it was set aside or not. */
export function keyOfEntry(path: string): string {
  return path.replace(/ \((?:removed|replaced) [^)]*\)$/, '');
}

/** The ledger holds another offset than the batch began at: somebody else loaded, or the database was restored. */
export class OffsetMovedError extends Error {
  constructor() {
    super('The offsets in bronze.raw_file are not those that the batch began at; reading them again.');
    this.name = 'OffsetMovedError';
  }
}

/** Another process loads for this collector: one that took the data folder later, or one with a copy of it. */
export class WriterRefusedError extends Error {
  constructor(collector: string, claimedAt: string) {
    super(
      `another collector loads as ${collector} since ${claimedAt}: DATA_DIR was copied, or two hosts have the same volume. ` +
        'This one records on and loads nothing. Stop one of the two; a copy gets a name of its own when its file collector_id ' +
        'is removed while it is stopped',
    );
    this.name = 'WriterRefusedError';
  }
}

/** Who loads, as the data folder tells one process from the others that have had it. */
export interface Writer {
  /** Greater than that of whoever had the folder before. */
  epoch: number;
  /** Tells it from one with a copy of the folder, of the same epoch. */
  token: string;
}

/**
 * Says that this connection loads for a collector. From then on `moveOffsets` fails on the connection of any other writer
 * that has said so. Who has not, such as a replay, is not asked.
 * @throws {WriterRefusedError} where one of a later epoch loads, or another one of the same.
 */
export async function claimLedger(
  client: ClientBase,
  collector: string,
  { epoch, token }: Writer,
): Promise<void> {
  const { rowCount } = await client.query(
    `INSERT INTO bronze.writer AS w (collector, epoch, token) VALUES ($1, $2, $3)
     ON CONFLICT (collector) DO UPDATE SET epoch = excluded.epoch, token = excluded.token, claimed_at = now()
     WHERE w.epoch < excluded.epoch OR (w.epoch = excluded.epoch AND w.token = excluded.token)`,
    [collector, epoch, token],
  );
  if (rowCount === 0) {
    const { rows } = await client.query<{ at: string }>(
      `SELECT to_char(claimed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at FROM bronze.writer WHERE collector = $1`,
      [collector],
    );
    throw new WriterRefusedError(collector, rows[0]?.at ?? 'just now');
  }
  await client.query("SELECT set_config('sluice.writer', $1, false)", [token]);
}

/** Makes the entries of files that begin in this batch. */
export async function insertNewFiles(
  client: ClientBase,
  collector: string,
  ranges: readonly ByteRange[],
): Promise<void> {
  const fresh = ranges.filter(range => range.from === 0);
  if (fresh.length === 0) return;
  await client.query(
    `INSERT INTO bronze.raw_file (collector, path, first_line_hash)
     SELECT $1, * FROM unnest($2::text[], $3::text[]) ON CONFLICT DO NOTHING`,
    [collector, fresh.map(range => range.file), fresh.map(range => range.firstLineHash)],
  );
}

/** Keeps what cannot be stored, with the reasons, and marks the minutes of what has one. */
export async function storeRejections(
  client: ClientBase,
  collector: string,
  lines: readonly BatchLine[],
): Promise<void> {
  const rejected = lines.flatMap(line =>
    rejectedOf(line).map(what => ({ ...what, file: line.file, start: line.start })),
  );
  if (rejected.length === 0) return;
  const column = <K extends keyof (typeof rejected)[number]>(name: K) => rejected.map(what => what[name]);
  await client.query(
    `WITH rejected AS (
       SELECT path, byte_offset, reading, reason, line,
         to_timestamp(micros / 1000000) + micros % 1000000 * INTERVAL '1 us' AS time, sensor_id
       FROM unnest($2::text[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::bigint[], $8::text[])
         AS r (path, byte_offset, reading, reason, line, micros, sensor_id)
     ), stale AS (
       INSERT INTO sluice.stale_minute (bucket, sensor_id)
       SELECT DISTINCT date_trunc('minute', time, 'UTC'), sensor_id FROM rejected
       WHERE time IS NOT NULL AND sensor_id IS NOT NULL
     )
     INSERT INTO silver.rejected_line (collector, path, byte_offset, reading, reason, line, time, sensor_id)
     SELECT $1, * FROM rejected ON CONFLICT DO NOTHING`,
    [
      collector,
      column('file'),
      column('start'),
      column('reading'),
      column('reason'),
      column('text'),
      column('time'),
      column('sensorId'),
    ],
  );
}

/** SQL: whether the connection's writer, where it has said one, is the present one of collector $1. */
const IS_WRITER = `(coalesce(current_setting('sluice.writer', true), '') = ''
       OR current_setting('sluice.writer', true) = (SELECT token FROM bronze.writer WHERE collector = $1))`;

/**
 * Moves offsets and counters, as the last statement of a batch. An offset moves only from the value that the batch began
 * at, so of two loaders one wins and the other rolls back.
 * @throws {OffsetMovedError}
 */
export async function moveOffsets(
  client: ClientBase,
  collector: string,
  ranges: readonly ByteRange[],
): Promise<void> {
  const column = <K extends keyof ByteRange>(name: K) => ranges.map(range => range[name]);
  const { rowCount } = await client.query(
    `UPDATE bronze.raw_file f SET bytes = r.to_byte, ${COUNTERS.map(name => `${name} = f.${name} + r.${name}`)},
       newest = greatest(f.newest, to_timestamp(r.newest)), loaded_at = now(), removed_at = NULL
     FROM unnest($2::text[], ${['from_byte', 'to_byte', 'newest', ...COUNTERS].map((_, index) => `$${index + 3}::bigint[]`)})
       AS r (path, from_byte, to_byte, newest, ${COUNTERS})
     WHERE f.collector = $1 AND f.path = r.path AND f.bytes = r.from_byte AND ${IS_WRITER}`,
    [collector, column('file'), column('from'), column('to'), column('newest'), ...COUNTERS.map(column)],
  );
  if (rowCount !== ranges.length) throw new OffsetMovedError();
}
