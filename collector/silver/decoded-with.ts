import type { ClientBase } from 'pg';
import type { Topics } from '../payload/topics.ts';
import type { ByteRange } from './byte-range.ts';
import { COUNTERS, type Counters } from './counters.ts';
import type { LedgerEntry } from './ledger.ts';

/** From a byte of a file on its lines were decoded with the topics file of this hash. */
export interface DecodedFrom {
  from: number;
  hash: string;
}

/** Keeps a topics file, so that lines that are decoded with it can be understood as they were. */
export async function keepTopics(client: ClientBase, { hash, text }: Topics): Promise<void> {
  await client.query('INSERT INTO bronze.topics_file (hash, text) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    hash,
    text,
  ]);
}

/** Notes with which topics file ranges of topics' files were decoded, in the transaction that stores their rows. */
export async function noteDecodedWith(
  client: ClientBase,
  collector: string,
  ranges: readonly ByteRange[],
): Promise<void> {
  const decoded = ranges.filter(range => range.decodedWith !== undefined);
  if (decoded.length === 0) return;
  await client.query(
    `INSERT INTO bronze.decoded_with AS d (collector, path, from_byte, hash)
     SELECT $1, r.* FROM unnest($2::text[], $3::bigint[], $4::text[]) AS r (path, from_byte, hash)
     WHERE r.hash IS DISTINCT FROM (
       SELECT hash FROM bronze.decoded_with WHERE collector = $1 AND path = r.path ORDER BY from_byte DESC LIMIT 1
     )
     ON CONFLICT (collector, path, from_byte) DO UPDATE SET hash = excluded.hash`,
    [
      collector,
      decoded.map(({ file }) => file),
      decoded.map(({ from }) => from),
      decoded.map(range => range.decodedWith),
    ],
  );
}

/** With which topics files the lines of a collector's files were decoded, by path; in the order of the bytes. */
export async function readDecodedWith(
  client: ClientBase,
  collector: string,
  paths?: readonly string[],
): Promise<Map<string, DecodedFrom[]>> {
  const { rows } = await client.query<{ path: string; from: number; hash: string }>(
    `SELECT path, from_byte::float8 AS "from", hash FROM bronze.decoded_with
     WHERE collector = $1 AND ($2::text[] IS NULL OR path = ANY ($2)) ORDER BY path, from_byte`,
    [collector, paths ?? null],
  );
  return Map.groupBy(rows, ({ path }) => path);
}

/** The text of topics files that were kept, by hash. */
export async function readKeptTopics(client: ClientBase): Promise<Map<string, string>> {
  const { rows } = await client.query<{ hash: string; text: string }>(
    'SELECT hash, text FROM bronze.topics_file',
  );
  return new Map(rows.map(({ hash, text }) => [hash, text]));
}

/**
 * Counts the loaded lines of a file anew after they were decoded with another topics file. Readings that silver had already
 * count as stored, but for as many duplicates as there were.
 * @param known what the ledger said before: its bytes are those that were decoded. @param counted what came of them now.
 */
export async function recount(
  client: ClientBase,
  collector: string,
  known: LedgerEntry,
  counted: Counters,
  hash: string,
): Promise<void> {
  const { path, bytes } = known;
  const held = counted.stored + counted.duplicates;
  const duplicates = Math.min(known.duplicates, held);
  const now: Counters = { ...counted, duplicates, stored: held - duplicates };
  // By difference, as a collector may load more of the file at the same time.
  const sets = COUNTERS.map((name, index) => `${name} = ${name} + $${index + 3}`);
  await client.query('BEGIN');
  try {
    await client.query(`UPDATE bronze.raw_file SET ${sets} WHERE collector = $1 AND path = $2`, [
      collector,
      path,
      ...COUNTERS.map(name => now[name] - known[name]),
    ]);
    await client.query(
      'DELETE FROM bronze.decoded_with WHERE collector = $1 AND path = $2 AND from_byte < $3',
      [collector, path, bytes],
    );
    await client.query(
      'INSERT INTO bronze.decoded_with (collector, path, from_byte, hash) VALUES ($1, $2, 0, $3) ON CONFLICT DO NOTHING',
      [collector, path, hash],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
