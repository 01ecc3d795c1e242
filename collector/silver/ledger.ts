import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { BatchLine } from './batch.ts';
import type { Stretch, Tally } from './stretch.ts';

/** What bronze.raw_file says of a file. */
export interface LedgerEntry extends Tally {
  path: string;
  /** The file is loaded up to this byte. */
  bytes: number;
  firstLineHash: string | null;
}

/** The ledger of a collector, by path. */
export async function readLedger(client: ClientBase, collector: string): Promise<Map<string, LedgerEntry>> {
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT path, bytes, first_line_hash, lines, stored, duplicates, conflicts, rejected
     FROM bronze.raw_file WHERE collector = $1`,
    [collector],
  );
  return new Map(
    rows.map(row => [
      row.path!,
      {
        path: row.path!,
        bytes: Number(row.bytes),
        firstLineHash: row.first_line_hash ?? null,
        lines: Number(row.lines),
        stored: Number(row.stored),
        duplicates: Number(row.duplicates),
        conflicts: Number(row.conflicts),
        rejected: Number(row.rejected),
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
  const aside = `${path} (replaced ${new Date().toISOString()})`;
  await client.query('UPDATE bronze.raw_file SET path = $3 WHERE collector = $1 AND path = $2', [
    collector,
    path,
    aside,
  ]);
  return aside;
}

/** The ledger holds another offset than the batch began at: somebody else loaded, or the database was restored. */
export class OffsetMovedError extends Error {
  constructor() {
    super('The offsets in bronze.raw_file are not those that the batch began at; reading them again.');
    this.name = 'OffsetMovedError';
  }
}

/** Makes the entries of files that begin in this batch. */
export async function insertNewFiles(
  client: ClientBase,
  collector: string,
  stretches: readonly Stretch[],
): Promise<void> {
  const fresh = stretches.filter(stretch => stretch.from === 0);
  if (fresh.length === 0) return;
  await client.query(
    `INSERT INTO bronze.raw_file (collector, path, first_line_hash)
     SELECT $1, * FROM unnest($2::text[], $3::text[]) ON CONFLICT DO NOTHING`,
    [collector, fresh.map(stretch => stretch.file), fresh.map(stretch => stretch.firstLineHash)],
  );
}

/** Keeps the lines that cannot be stored, with their reasons. */
export async function storeRejections(
  client: ClientBase,
  collector: string,
  lines: readonly BatchLine[],
): Promise<void> {
  const rejected = lines.filter(line => line.rejection !== undefined);
  if (rejected.length === 0) return;
  await client.query(
    `INSERT INTO silver.rejected_line (collector, path, byte_offset, reason, line)
     SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[]) ON CONFLICT DO NOTHING`,
    [
      collector,
      rejected.map(line => line.file),
      rejected.map(line => line.start),
      rejected.map(line => line.rejection!.reason),
      rejected.map(line => line.rejection!.line),
    ],
  );
}

/**
 * Moves offsets and counters, as the last statement of a batch. An offset moves only from the value that the batch began
 * at, so of two loaders one wins and the other rolls back.
 * @throws {OffsetMovedError}
 */
export async function moveOffsets(
  client: ClientBase,
  collector: string,
  stretches: readonly Stretch[],
): Promise<void> {
  const column = <K extends keyof Stretch>(name: K) => stretches.map(stretch => stretch[name]);
  const { rowCount } = await client.query(
    `UPDATE bronze.raw_file f SET bytes = s.to_byte, lines = f.lines + s.lines, stored = f.stored + s.stored,
       duplicates = f.duplicates + s.duplicates, conflicts = f.conflicts + s.conflicts,
       rejected = f.rejected + s.rejected, loaded_at = now()
     FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
       AS s (path, from_byte, to_byte, lines, stored, duplicates, conflicts, rejected)
     WHERE f.collector = $1 AND f.path = s.path AND f.bytes = s.from_byte`,
    [
      collector,
      column('file'),
      column('from'),
      column('to'),
      column('lines'),
      column('stored'),
      column('duplicates'),
      column('conflicts'),
      column('rejected'),
    ],
  );
  if (rowCount !== stretches.length) throw new OffsetMovedError();
}
