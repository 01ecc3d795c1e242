import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { type BatchLine, copyText } from './batch.ts';

/** What became of the lines of a batch. lines = stored + duplicates + conflicts + rejected. */
export interface Tally {
  lines: number;
  stored: number;
  duplicates: number;
  conflicts: number;
  rejected: number;
}

/** The ledger holds another offset than the batch began at: somebody else loaded, or the database was restored. */
export class OffsetMovedError extends Error {
  constructor() {
    super('The offsets in bronze.raw_file are not those that the batch began at; reading them again.');
    this.name = 'OffsetMovedError';
  }
}

/**
 * How a batch meets the ledger. *advance*: the lines are new, offsets and counters move with them. *heal*: the lines are
 * counted already; what silver lacks of them is put back, and every minute of theirs is refreshed.
 */
export type LedgerMode = 'advance' | 'heal';

/** A stretch of one file: the lines of a batch that are its own. */
interface Stretch extends Tally {
  file: string;
  from: number;
  to: number;
  firstLineHash: string | null;
}

/** Makes the staging table of a connection; it is private to it, and empty after each transaction. */
export async function prepareStaging(client: ClientBase): Promise<void> {
  await client.query(
    `CREATE TEMP TABLE batch_row (
       time timestamptz NOT NULL, sensor_id varchar(50) NOT NULL, value float8 NOT NULL, quality text NOT NULL,
       file int NOT NULL, byte_offset bigint NOT NULL
     ) ON COMMIT DELETE ROWS`,
  );
}

/**
 * Stores a batch in one transaction: rows, conflicts, rejected lines, stale minutes, offsets and counters.
 * (test/silver/store.test.ts, "rows and offset commit together or not at all")
 *
 * @param lines in file order; the lines of one file follow each other without a gap.
 * @param firstLineHashes of the files that begin in this batch.
 * @returns what became of the lines; healing, those that were there already count as duplicates.
 * @throws {OffsetMovedError} without having changed anything; errors of the database as they are, after a rollback.
 */
export async function storeBatch(
  client: ClientBase,
  collector: string,
  lines: readonly BatchLine[],
  firstLineHashes: ReadonlyMap<string, string>,
  mode: LedgerMode = 'advance',
): Promise<Tally> {
  const stretches = stretchesOf(lines, firstLineHashes);
  await client.query('BEGIN');
  try {
    if (mode === 'advance') await insertNewFiles(client, collector, stretches);
    await storeRows(client, collector, lines, stretches, mode);
    await storeRejections(client, collector, lines);
    if (mode === 'advance') await moveOffsets(client, collector, stretches);
    await client.query('COMMIT');
  } catch (error) {
    // On a connection that is gone there is nothing to roll back.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
  return total(stretches);
}

function stretchesOf(lines: readonly BatchLine[], hashes: ReadonlyMap<string, string>): Stretch[] {
  const byFile = new Map<string, Stretch>();
  for (const { file, start, end, rejection } of lines) {
    let stretch = byFile.get(file);
    if (stretch === undefined) {
      const firstLineHash = hashes.get(file) ?? null;
      stretch = {
        file,
        from: start,
        to: end,
        firstLineHash,
        lines: 0,
        stored: 0,
        duplicates: 0,
        conflicts: 0,
        rejected: 0,
      };
      byFile.set(file, stretch);
    }
    stretch.to = end;
    stretch.lines++;
    if (rejection !== undefined) stretch.rejected++;
  }
  return [...byFile.values()];
}

async function insertNewFiles(client: ClientBase, collector: string, stretches: Stretch[]): Promise<void> {
  const fresh = stretches.filter(stretch => stretch.from === 0);
  if (fresh.length === 0) return;
  await client.query(
    `INSERT INTO bronze.raw_file (collector, path, first_line_hash)
     SELECT $1, * FROM unnest($2::text[], $3::text[]) ON CONFLICT DO NOTHING`,
    [collector, fresh.map(stretch => stretch.file), fresh.map(stretch => stretch.firstLineHash)],
  );
}

/** COPYs the rows into the staging table and moves them on; sets stored, duplicates and conflicts of each stretch. */
async function storeRows(
  client: ClientBase,
  collector: string,
  lines: readonly BatchLine[],
  stretches: Stretch[],
  mode: LedgerMode,
): Promise<void> {
  const files = stretches.map(stretch => stretch.file);
  const text = copyText(lines, files);
  if (text.length === 0) return;
  await pipeline(
    Readable.from([text], { objectMode: false }),
    client.query(copyFrom('COPY batch_row FROM STDIN')),
  );
  const stored = await client.query<{ file: number; count: string }>(
    `WITH first AS (
       SELECT DISTINCT ON (sensor_id, time) time, sensor_id, value, quality, file FROM batch_row
       ORDER BY sensor_id, time, file, byte_offset
     ), inserted AS (
       INSERT INTO silver.sensor_reading (time, sensor_id, value, quality)
       SELECT time, sensor_id, value, quality FROM first
       ON CONFLICT DO NOTHING RETURNING time, sensor_id
     ), stale AS (
       INSERT INTO gold.stale_minute (bucket, sensor_id)
       SELECT DISTINCT date_trunc('minute', time, 'UTC'), sensor_id FROM ${mode === 'heal' ? 'first' : 'inserted'}
     )
     SELECT file, count(*) FROM inserted JOIN first USING (sensor_id, time) GROUP BY file`,
  );
  for (const { file, count } of stored.rows) stretches[file]!.stored = Number(count);
  const left = stretches.filter(stretch => stretch.lines > stretch.stored + stretch.rejected);
  if (left.length === 0) return;
  const conflicts = await storeConflicts(client, collector, files);
  for (const { file, count } of conflicts) stretches[file]!.conflicts = Number(count);
  for (const stretch of left) {
    stretch.duplicates = stretch.lines - stretch.rejected - stretch.stored - stretch.conflicts;
  }
}

/** Keeps each row whose key is taken by another value. The bounds let TimescaleDB leave out the other chunks. */
async function storeConflicts(client: ClientBase, collector: string, files: string[]) {
  const bounds = await client.query<{ least: string; greatest: string }>(
    'SELECT min(time)::text AS least, max(time)::text AS greatest FROM batch_row',
  );
  const { least, greatest } = bounds.rows[0]!;
  const { rows } = await client.query<{ file: number; count: string }>(
    `WITH conflicting AS (
       SELECT b.*, s.value AS stored_value FROM batch_row b JOIN silver.sensor_reading s USING (sensor_id, time)
       WHERE s.value <> b.value AND s.time BETWEEN $3 AND $4
     ), kept AS (
       INSERT INTO silver.conflicting_reading
         (time, sensor_id, stored_value, conflicting_value, collector, path, byte_offset)
       SELECT time, sensor_id, stored_value, value, $1, ($2::text[])[file + 1], byte_offset FROM conflicting
       ON CONFLICT DO NOTHING
     )
     SELECT file, count(*) FROM conflicting GROUP BY file`,
    [collector, files, least, greatest],
  );
  return rows;
}

async function storeRejections(
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

/** The offset moves only from the value that the batch began at, so of two loaders one wins and the other rolls back. */
async function moveOffsets(client: ClientBase, collector: string, stretches: Stretch[]): Promise<void> {
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

function total(stretches: Stretch[]): Tally {
  const sum: Tally = { lines: 0, stored: 0, duplicates: 0, conflicts: 0, rejected: 0 };
  for (const stretch of stretches) addTally(sum, stretch);
  return sum;
}

/** Adds `more` to `sum`. */
export function addTally(sum: Tally, more: Tally): void {
  sum.lines += more.lines;
  sum.stored += more.stored;
  sum.duplicates += more.duplicates;
  sum.conflicts += more.conflicts;
  sum.rejected += more.rejected;
}
