import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { Tally } from './store.ts';

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
