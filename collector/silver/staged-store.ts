import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { type BatchLine, copyText } from './batch-line.ts';
import { type ByteRange, byteRangesOf } from './byte-range.ts';
import { addCounters, type Counters, emptyCounters } from './counters.ts';
import { noteDecodedWith } from './decoded-with.ts';
import { type FoundSensor, registerFound } from './found-sensors.ts';
import { insertNewFiles, moveOffsets, storeRejections } from './ledger.ts';
import { loadedColumns, loadedColumnTypes } from './reading-columns.ts';
import { SeenSensors } from './seen-sensors.ts';

/**
 * How a batch meets the ledger. *advance*: the lines are new, offsets and counters move with them. *backfill*: the lines are
 * counted already; what silver lacks of them is put back, and every minute of theirs is refreshed. *rehearse*: the same, and
 * everything is rolled back.
 */
export type LedgerMode = 'advance' | 'backfill' | 'rehearse';

/** Makes the staging table of a connection; it is private to it, and empty after each transaction. */
export async function prepareStaging(client: ClientBase): Promise<void> {
  await client.query(
    `CREATE TEMP TABLE batch_row (
       ${loadedColumnTypes}, file int NOT NULL, byte_offset bigint NOT NULL, reading int NOT NULL
     ) ON COMMIT DELETE ROWS`,
  );
}

/**
 * Stores a batch in one transaction: rows, duplicates, conflicts, rejected lines, stale minutes, seen sensors, offsets and
 * counters. (test/collector/silver/staged-store.test.ts, "rows and offset commit together or not at all")
 *
 * @param lines in file order; the lines of one file follow each other without a gap.
 * @param firstLineHashes of the files that begin in this batch.
 * @param seen the sensors that this database is known to have.
 * @returns what became of the lines and readings; backfilling, those that were there already count as duplicates.
 * @throws {OffsetMovedError} without having changed anything; errors of the database as they are, after a rollback.
 */
export async function storeStaged(
  client: ClientBase,
  collector: string,
  lines: readonly BatchLine[],
  firstLineHashes: ReadonlyMap<string, string>,
  mode: LedgerMode = 'advance',
  seen = new SeenSensors(),
): Promise<Counters> {
  const ranges = byteRangesOf(lines, firstLineHashes);
  await client.query('BEGIN');
  try {
    if (mode === 'advance') await insertNewFiles(client, collector, ranges);
    await storeRows(client, collector, lines, ranges, mode);
    await storeRejections(client, collector, lines);
    await registerFound(client, foundIn(lines));
    const committed = await seen.insert(client, sensorsOf(lines));
    if (mode === 'advance') {
      await noteDecodedWith(client, collector, ranges);
      await moveOffsets(client, collector, ranges);
    }
    if (mode === 'rehearse') await client.query('ROLLBACK');
    else {
      await client.query('COMMIT');
      committed();
    }
  } catch (error) {
    // On a connection that is gone there is nothing to roll back.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
  return total(ranges);
}

/** What messages say of sensors that the registry lacks, each once. */
export function foundIn(lines: readonly BatchLine[]): FoundSensor[] {
  const found = new Map<string, FoundSensor>();
  for (const { rows } of lines) for (const row of rows) if (row.found) found.set(row.sensorId, row.found);
  return [...found.values()];
}

function* sensorsOf(lines: readonly BatchLine[]): Generator<string> {
  for (const { rows } of lines) for (const { sensorId } of rows) yield sensorId;
}

/** COPYs the rows into the staging table and moves them on; sets stored, duplicates and conflicts of each range. */
async function storeRows(
  client: ClientBase,
  collector: string,
  lines: readonly BatchLine[],
  ranges: ByteRange[],
  mode: LedgerMode,
): Promise<void> {
  const files = ranges.map(range => range.file);
  const text = copyText(lines, files);
  if (text.length === 0) return;
  await pipeline(
    Readable.from([text], { objectMode: false }),
    client.query(copyFrom('COPY batch_row FROM STDIN')),
  );
  const stored = await client.query<{ file: number; count: string }>(
    `WITH first AS (
       SELECT DISTINCT ON (sensor_id, time) * FROM batch_row ORDER BY sensor_id, time, file, byte_offset, reading
     ), inserted AS (
       INSERT INTO silver.sensor_reading (${loadedColumns})
       SELECT ${loadedColumns} FROM first
       ON CONFLICT DO NOTHING RETURNING time, sensor_id
     ), stale AS (
       INSERT INTO sluice.stale_minute (bucket, sensor_id)
       SELECT DISTINCT date_trunc('minute', time, 'UTC'), sensor_id FROM ${mode === 'advance' ? 'inserted' : 'first'}
     ), moved AS (
       DELETE FROM batch_row b USING first f JOIN inserted USING (sensor_id, time)
       WHERE b.file = f.file AND b.byte_offset = f.byte_offset AND b.reading = f.reading RETURNING b.file
     )
     SELECT file, count(*) FROM moved GROUP BY file`,
  );
  for (const { file, count } of stored.rows) ranges[file]!.stored = Number(count);
  const left = ranges.filter(range => range.readings > range.stored + range.refused);
  if (left.length === 0) return;
  const conflicts = await storeLeft(client, collector, files, mode);
  for (const { file, count } of conflicts) ranges[file]!.conflicts = Number(count);
  for (const range of left) {
    range.duplicates = range.readings - range.refused - range.stored - range.conflicts;
  }
}

/**
 * Keeps each row that is left whose key is taken by another value, and counts the others, the duplicates, by sensor and
 * minute: backfilling, both are known already. The bounds let TimescaleDB leave out the other chunks.
 * @returns how many conflicts each file has.
 */
async function storeLeft(client: ClientBase, collector: string, files: string[], mode: LedgerMode) {
  const bounds = await client.query<{ least: string; greatest: string }>(
    'SELECT min(time)::text AS least, max(time)::text AS greatest FROM batch_row',
  );
  const { least, greatest } = bounds.rows[0]!;
  const counted = `, repeated AS (
       INSERT INTO silver.duplicate_minute (bucket, sensor_id, n)
       SELECT bucket, sensor_id, count(*) FROM left_over WHERE NOT conflicting GROUP BY bucket, sensor_id
     ), stale AS (
       INSERT INTO sluice.stale_minute (bucket, sensor_id) SELECT DISTINCT bucket, sensor_id FROM left_over
     )`;
  const { rows } = await client.query<{ file: number; count: string }>(
    `WITH left_over AS (
       SELECT b.*, date_trunc('minute', b.time, 'UTC') AS bucket, s.value AS stored_value,
         s.value IS NOT NULL AND s.value <> b.value AS conflicting
       FROM batch_row b LEFT JOIN silver.sensor_reading s
         ON s.sensor_id = b.sensor_id AND s.time = b.time AND s.time BETWEEN $3 AND $4
     ), kept AS (
       INSERT INTO silver.conflicting_reading
         (time, sensor_id, stored_value, conflicting_value, collector, path, byte_offset, reading)
       SELECT time, sensor_id, stored_value, value, $1, ($2::text[])[file + 1], byte_offset, reading FROM left_over WHERE conflicting
       ON CONFLICT DO NOTHING
     )${mode === 'advance' ? counted : ''}
     SELECT file, count(*) FROM left_over WHERE conflicting GROUP BY file`,
    [collector, files, least, greatest],
  );
  return rows;
}

/** The sum over all ranges. */
function total(ranges: readonly ByteRange[]): Counters {
  const sum = emptyCounters();
  for (const range of ranges) addCounters(sum, range);
  return sum;
}
