import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { type BatchLine, copyText } from './batch.ts';
import { insertNewFiles, moveOffsets, storeRejections } from './ledger.ts';
import { addTally, emptyTally, type Stretch, stretchesOf, type Tally } from './stretch.ts';

/**
 * How a batch meets the ledger. *advance*: the lines are new, offsets and counters move with them. *heal*: the lines are
 * counted already; what silver lacks of them is put back, and every minute of theirs is refreshed.
 */
export type LedgerMode = 'advance' | 'heal';

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
 * (test/collector/silver/store.test.ts, "rows and offset commit together or not at all")
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

/** The sum over all stretches. */
function total(stretches: readonly Stretch[]): Tally {
  const sum = emptyTally();
  for (const stretch of stretches) addTally(sum, stretch);
  return sum;
}
